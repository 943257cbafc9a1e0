"""As much of ClickHouse's syntax as the server has to know: words, quotes, brackets and comments."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

_TOKEN = re.compile(
    r"""
      (?P<blank>\s+|--[^\n]*|\#[!\ ][^\n]*|/\*.*?\*/)
    | (?P<word>[^\W\d]\w*)
    | (?P<number>\d\w*)
    | (?P<name>`(?:[^`\\]|\\.|``)*`|"(?:[^"\\]|\\.|"")*")
    | (?P<text>'(?:[^'\\]|\\.|'')*'|\$(?P<tag>\w*)\$.*?\$(?P=tag)\$)
    | (?P<mark>.)
    """,
    re.DOTALL | re.VERBOSE,
)
_STREAMED = {"SELECT", "WITH", "FROM"}
_ANSWERED = {"SHOW", "DESCRIBE", "DESC", "EXPLAIN", "EXISTS", "CHECK", "KILL"}


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `word` is its upper-case text for a bare word or a mark, and "" for anything quoted."""

    kind: str
    word: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement without its FORMAT clause, closing semicolon and, for INSERT, its data.

    `kind` is its first word. For an INSERT that brings its own rows `data` is what follows VALUES or
    FORMAT (possibly nothing: the client sends it separately); None for INSERT … SELECT and all others.
    `target` and `columns` are what an INSERT names, as written.
    """

    text: str
    kind: str
    format: str | None = None
    data: str | None = None
    target: str = ""
    columns: str = ""

    def with_data(self, data: str) -> Statement:
        """The same INSERT bringing `data`."""
        return replace(self, data=data)

    @property
    def streamed(self) -> bool:
        """Whether the engine can hand out its rows block by block."""
        return self.kind in _STREAMED

    @property
    def answered(self) -> bool:
        """Whether it answers with rows, none included."""
        return self.streamed or self.kind in _ANSWERED

    @property
    def keeps_schema(self) -> bool:
        """Whether it surely leaves every table the columns that it has."""
        return self.answered or self.kind in {"INSERT", "SET", "USE"}

    def with_tables(self, queries: Mapping[str, str]) -> Statement | None:
        """The same statement over these named queries; None where they have no plain place at its head."""
        depth, place = 0, None
        for token in tokens(self.text):
            depth += (token.word in {"(", "["}) - (token.word in {")", "]"})
            if depth or token.kind != "word":
                continue
            if token.word in {"UNION", "INTERSECT", "EXCEPT", "RECURSIVE"}:
                return None  # what stands at the head may not reach all of it
            if place is None and token.word in {"SELECT", "WITH"}:
                place = token
        if place is None:
            return None
        named = ", ".join(f"{name} AS ({query})" for name, query in queries.items())
        if place.word == "SELECT":
            head = f"{self.text[: place.start]}WITH {named} "
            return replace(self, text=head + self.text[place.start :])
        return replace(self, text=f"{self.text[: place.end]} {named},{self.text[place.end :]}")


def tokens(sql: str, start: int = 0) -> Iterator[Token]:
    """The tokens of `sql` from `start`, without blanks and comments."""
    for found in _TOKEN.finditer(sql, start):
        kind = found.lastgroup or "mark"
        if kind == "tag":
            kind = "text"
        if kind != "blank":
            word = found[0].upper() if kind in {"word", "mark"} else ""
            yield Token(kind, word, found[0], found.start(), found.end())


def parse(sql: str) -> Statement:
    """Take a statement apart; what is not understood is left for the engine to judge."""
    stream = tokens(sql)
    first = next(stream, None)
    while first and first.word == "(":
        first = next(stream, None)
    kind = first.word if first else ""
    if kind == "INSERT" and first:
        return _parse_insert(sql, first)
    if kind in _STREAMED | _ANSWERED:
        return _parse_answered(sql, kind)
    return Statement(sql, kind)


def _parse_answered(sql: str, kind: str) -> Statement:
    depth, found = 0, list(tokens(sql))
    while found and found[-1].word == ";":
        sql = sql[: found[-1].start]
        found.pop()
    for index, token in enumerate(found[:-1]):
        depth += (token.word in {"(", "["}) - (token.word in {")", "]"})
        if token.word != "FORMAT" or depth or found[index + 1].kind != "word":
            continue
        if index + 2 == len(found) or found[index + 2].word == "SETTINGS":
            name = found[index + 1]
            return Statement(sql[: token.start] + " " + sql[name.end :], kind, name.text)
    # A closing line comment must not swallow what the server puts behind the statement.
    return Statement(sql[: found[-1].end] if found else sql, kind)


def _parse_insert(sql: str, first: Token) -> Statement:
    stream = tokens(sql, first.end)
    end = Token("end", ";", "", len(sql), len(sql))
    token = next(stream, end)
    while token.word in {"INTO", "TABLE"}:
        token = next(stream, end)
    start, stop = token.start, token.end
    if token.word == "FUNCTION":
        for token in stream:
            if token.word == "(":
                stop = _closing(stream, end).end
                break
        token = next(stream, end)
    else:
        token = next(stream, end)
        while token.word == ".":
            stop = next(stream, end).end
            token = next(stream, end)
    target, columns = sql[start:stop], ""
    if token.word == "(":
        inside = token.end
        if (token := next(stream, end)).word in {"SELECT", "WITH"}:
            return Statement(sql, "INSERT")
        closing = token if token.word == ")" else _closing(stream, end, 1 + (token.word == "("))
        columns = sql[inside : closing.start]
        token = next(stream, end)
    while token is not end:
        if token.word in {"SELECT", "WITH", "FROM", "WATCH", "("}:
            return Statement(sql, "INSERT")
        if token.word in {"VALUES", "FORMAT", ";"}:
            break
        token = next(stream, end)
    name, behind = ("Values", token) if token.word == "VALUES" else (None, token)
    if token.word == "FORMAT":
        behind = next(stream, end)
        name = behind.text
    data = sql[behind.end :].lstrip(" \t\r").removeprefix("\n")
    return Statement(sql[: token.start], "INSERT", name, data.strip("; \t\r\n") and data, target, columns)


def _closing(stream: Iterator[Token], end: Token, depth: int = 1) -> Token:
    """The bracket that closes `depth` open ones."""
    for token in stream:
        depth += (token.word == "(") - (token.word == ")")
        if depth == 0:
            return token
    return end
