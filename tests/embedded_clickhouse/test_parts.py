"""The parts that can be wrong without a client noticing: reading statements, blocks and frames."""

import random

import pytest

from deploy.embedded.clickhouse.columns import header, parse_type, read_block, read_blocks
from deploy.embedded.clickhouse.errors import EngineError
from deploy.embedded.clickhouse.sql import Statement, parse, tokens
from deploy.embedded.clickhouse.wire import LZ4, ZSTD, Reader, pack, string, unpacked, varint


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1;", Statement("SELECT 1", "SELECT")),
        ("SELECT 1 -- end", Statement("SELECT 1", "SELECT")),
        ("select a format JSON", Statement("select a  ", "SELECT", "JSON")),
        (
            "select a format JSON settings max_threads = 1;",
            Statement("select a   settings max_threads = 1", "SELECT", "JSON"),
        ),
        ("SELECT format FROM t", Statement("SELECT format FROM t", "SELECT")),
        ("SELECT * FROM format(CSV, '1')", Statement("SELECT * FROM format(CSV, '1')", "SELECT")),
        ("/* a */ ((SELECT 1))", Statement("/* a */ ((SELECT 1))", "SELECT")),
        ("CREATE TABLE t (a UInt8)", Statement("CREATE TABLE t (a UInt8)", "CREATE")),
        ("INSERT INTO t VALUES", Statement("INSERT INTO t ", "INSERT", "Values", "", "t", "")),
        ("INSERT INTO t", Statement("INSERT INTO t", "INSERT", None, "", "t", "")),
        (
            "insert into `d b` . t (a, `b (`) settings async_insert=0 values (1, 2);",
            Statement(
                "insert into `d b` . t (a, `b (`) settings async_insert=0 ",
                "INSERT",
                "Values",
                "(1, 2);",
                "`d b` . t",
                "a, `b (`",
            ),
        ),
        (
            "INSERT INTO t FORMAT CSV\n1,'(",
            Statement("INSERT INTO t ", "INSERT", "CSV", "1,'(", "t", ""),
        ),
        (
            "INSERT INTO FUNCTION null('a UInt8') (a) VALUES (1)",
            Statement(
                "INSERT INTO FUNCTION null('a UInt8') (a) ",
                "INSERT",
                "Values",
                "(1)",
                "FUNCTION null('a UInt8')",
                "a",
            ),
        ),
        ("INSERT INTO values VALUES", Statement("INSERT INTO values ", "INSERT", "Values", "", "values", "")),
        ("INSERT INTO t SELECT 1", Statement("INSERT INTO t SELECT 1", "INSERT")),
        (
            "INSERT INTO t (a) WITH 1 AS x SELECT x",
            Statement("INSERT INTO t (a) WITH 1 AS x SELECT x", "INSERT"),
        ),
        ("INSERT INTO t (SELECT 1)", Statement("INSERT INTO t (SELECT 1)", "INSERT")),
        ("INSERT INTO t (a) (SELECT 1)", Statement("INSERT INTO t (a) (SELECT 1)", "INSERT")),
        ("", Statement("", "")),
    ],
)
def test_statements_are_taken_apart(sql: str, expected: Statement) -> None:
    assert parse(sql) == expected


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT a FROM t", "WITH t AS (q) SELECT a FROM t"),
        ("with 1 AS x select x FROM t", "with t AS (q), 1 AS x select x FROM t"),
        (
            "INSERT INTO l (a) SELECT a FROM (SELECT a FROM t)",
            "INSERT INTO l (a) WITH t AS (q) SELECT a FROM (SELECT a FROM t)",
        ),
        (
            "INSERT INTO `select` SELECT 'with' FROM t",
            "INSERT INTO `select` WITH t AS (q) SELECT 'with' FROM t",
        ),
        ("SELECT 1 UNION ALL SELECT a FROM t", None),
        ("WITH RECURSIVE x AS (SELECT 1) SELECT * FROM x, t", None),
        ("(SELECT a FROM t)", None),
        ("DESCRIBE (SELECT a FROM t)", None),
    ],
)
def test_tables_are_named_at_the_head_of_a_statement_that_has_one(sql: str, expected: str | None) -> None:
    found = parse(sql).with_tables({"t": "q"})
    assert (found and found.text) == expected


def test_quotes_and_comments_hide_what_is_in_them() -> None:
    sql = "a 'b ''c'' \\' d' `e``f` \"g\" -- h\n/* i\n */ $$ j ' $$ 5k k"
    assert [token.text for token in tokens(sql)] == [
        "a", "'b ''c'' \\' d'", "`e``f`", '"g"', "$$ j ' $$", "5k", "k",
    ]  # fmt: skip


def test_a_block_that_arrives_byte_by_byte_is_cut_at_its_end() -> None:
    texts = ["", "a", "乡" * 60, "x" * 127, "y" * 128, "z" * 40_000]
    column = b"".join(varint(len(text.encode())) + text.encode() for text in texts)
    block = varint(2) + varint(len(texts)) + string("s") + string("String") + column
    block += string("n") + string("UInt16") + bytes(range(12))
    rest = b"what follows"
    for seed in range(5):
        sizes = random.Random(seed)
        left = [block + rest]

        def more(_: int, left: list[bytes] = left, sizes: random.Random = sizes) -> bytes:
            size = sizes.choice([1, 2, 7, 1000])
            piece, left[0] = left[0][:size], left[0][size:]
            return piece

        reader = Reader(more)
        got = read_block(reader)
        assert got.data == block
        assert (got.rows, [(c.name, c.type) for c in got.columns]) == (6, [("s", "String"), ("n", "UInt16")])
        assert reader.take(len(rest)) == rest
        with pytest.raises(EOFError):
            reader.take(1)


def test_a_block_that_ends_early_is_no_block() -> None:
    block = varint(1) + varint(3) + string("s") + string("String") + b"\x01a\x7f"
    for end in range(len(block)):
        with pytest.raises(EOFError):
            read_block(Reader(start=block[:end]))


def test_retyping_keeps_the_values() -> None:
    block = varint(2) + varint(1) + string("at") + string("DateTime") + b"\1\2\3\4"
    block += string("s") + string("String") + string("x")
    got = next(read_blocks(block)).retyped({0: "DateTime('Asia/Shanghai')"})
    assert [(c.name, c.type) for c in got.columns] == [("at", "DateTime('Asia/Shanghai')"), ("s", "String")]
    assert got.data.endswith(b"\1\2\3\4" + string("s") + string("String") + string("x"))
    assert got.header == header([("at", "DateTime('Asia/Shanghai')"), ("s", "String")])


@pytest.mark.parametrize(
    "kind", ["AggregateFunction(sum, UInt8)", "Dynamic", "Variant(String)", "JSON", "Nonsense"]
)
def test_types_without_an_end_are_named(kind: str) -> None:
    with pytest.raises(EngineError, match="cannot find the end"):
        parse_type(f"Array({kind})")


@pytest.mark.parametrize("method", [LZ4, ZSTD])
def test_frames_are_checked(method: int) -> None:
    data = bytes(range(256)) * 10_000  # more than one frame
    packed = pack(data, method)
    assert unpacked(Reader(start=packed)).take(len(data)) == data
    broken = bytearray(packed)
    broken[40] ^= 1
    with pytest.raises(EngineError) as caught:
        unpacked(Reader(start=bytes(broken))).take(1)
    assert caught.value.code == 40
    with pytest.raises(EOFError):
        unpacked(Reader(start=packed[:-1])).take(len(data))
