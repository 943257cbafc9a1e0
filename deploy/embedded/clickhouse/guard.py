"""Refuses what would let a client reach this machine's files, programs or network through the engine.

The engine runs as the user who started minmai, and chDB grants that user everything. So functions,
engines and clauses that read or write outside the data folder are refused before the engine sees them.
"""

from __future__ import annotations

import re

from deploy.embedded.clickhouse.errors import ACCESS_DENIED, SYNTAX_ERROR, EngineError
from deploy.embedded.clickhouse.sql import Token, tokens

_FUNCTIONS = re.compile(
    r"(file|url|executable|python|arrowstream|arrowflight|eval|filesystem|disk|catboostevaluate"
    r"|remote(secure)?|cluster(allreplicas)?|mysql|postgresql|mongodb|redis|sqlite|jdbc|odbc|ytsaurus|bigquery"
    r"|(s3|gcs|oss|cosn|hdfs|azureblobstorage|hudi|deltalake\w*|iceberg\w*|paimon\w*)|(file|url|s3|hdfs"
    r"|azureblobstorage|hudi)cluster|hive|ai[a-z]+)",
    re.IGNORECASE,
)
_ENGINES = re.compile(
    r"(replicated)?[a-z]*mergetree|distributed|memory|(tiny|stripe)?log|null|set|join|buffer|merge|view|materializedview"
    r"|dictionary|generaterandom|loop|alias|atomic|ordinary|replicated|timeseries|keepermap|fuzzquery|fuzzjson",
    re.IGNORECASE,
)
_SOURCES = {"CLICKHOUSE", "NULL"}


def check(sql: str) -> None:
    """Raise EngineError (ACCESS_DENIED) when `sql` asks for anything outside the data folder.

    Of several statements in one text only the first would be looked at here and elsewhere: SYNTAX_ERROR.
    """
    found = list(tokens(sql))
    for index, token in enumerate(found):
        if token.word == ";" and index + 1 < len(found) and found[index + 1].word != ";":
            raise EngineError(SYNTAX_ERROR, "Multi-statements are not allowed (SYNTAX_ERROR)")
        name = _name(token)
        if not name:
            continue
        behind = found[index + 1].word if index + 1 < len(found) else ""
        if behind == "(" and _FUNCTIONS.fullmatch(name) and not _names_table(found, index):
            raise _refusal(f"the function or engine {name}()")
        if token.word == "ENGINE":
            _check_engine(found, index + 1)
        elif token.word == "SOURCE" and behind == "(" and index + 2 < len(found):
            source = _name(found[index + 2])
            if source.upper() not in _SOURCES:
                raise _refusal(f"a dictionary with SOURCE({source})")
        elif token.word in {"OUTFILE", "INFILE"} and index and found[index - 1].word in {"INTO", "FROM"}:
            raise _refusal(f"{found[index - 1].word} {token.word}")
    _check_head([token.word for token in found[:2]], found)


def check_rows(data: bytes, format: str) -> None:
    """The same for the rows of an INSERT: the Values format may hold expressions."""
    if format.lower() == "values" and re.search(
        rb"(?i)(file|catboostevaluate|\bai[a-z]+)[`\"\s/*-]*\(", data
    ):
        check(data.decode("utf-8", "replace"))


def _names_table(found: list[Token], index: int) -> bool:
    """Whether the name at `index` is that of a table to create or fill, and the bracket holds its columns."""
    before = found[index - 1].word if index else ""
    creates = found[0].word in {"CREATE", "INSERT"}
    return before in {"INTO", "."} or (creates and before in {"TABLE", "EXISTS"})


def _check_engine(found: list[Token], at: int) -> None:
    # Without the sign a column may be meant; engines that take arguments are caught as functions.
    if at + 1 < len(found) and found[at].word == "=":
        name = _name(found[at + 1])
        if name and not _ENGINES.fullmatch(name):
            raise _refusal(f"the engine {name}")


def _check_head(words: list[str], found: list[Token]) -> None:
    match words:
        case ["BACKUP" | "RESTORE", *_]:
            raise _refusal(f"{words[0]} (stop the server and copy its folder instead)")
        case ["SYSTEM", "SHUTDOWN" | "KILL"]:
            raise _refusal(f"SYSTEM {words[1]} (end its process instead)")
        case ["DROP" | "DETACH", "DATABASE"] if any(_name(token) == "default" for token in found[2:5]):
            raise _refusal(f"{words[0]} DATABASE default (every connection begins there)")
        case ["ATTACH", *_] if any(token.word == "FROM" for token in found):
            raise _refusal("ATTACH … FROM")
        case ["CREATE", "FUNCTION"] if any(token.text.lower() == "executable" for token in found):
            raise _refusal("CREATE FUNCTION of an executable")


def _name(token: Token) -> str:
    if token.kind == "word":
        return token.text
    return token.text[1:-1] if token.kind == "name" else ""


def _refusal(what: str) -> EngineError:
    return EngineError(
        ACCESS_DENIED,
        f"The embedded ClickHouse refuses {what}. It keeps to its data folder, as it runs with the rights of "
        "the user who started it; use a ClickHouse server for this. (ACCESS_DENIED)",
    )
