"""Texts, bytes and names as ClickHouse reads them, and back."""

import re

# How a byte is written in a string literal.
_LETTERS = {byte: f"\\x{byte:02x}" for byte in range(256) if not 32 <= byte < 127 or chr(byte) in "'\\"}


def quoted(text: str) -> str:
    """`text` as a string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def literal(data: bytes) -> str:
    """Any bytes as a string literal."""
    return f"'{data.decode('latin-1').translate(_LETTERS)}'"


def identifier(text: str) -> str:
    """`text` as a quoted identifier."""
    return "`" + text.replace("\\", "\\\\").replace("`", "\\`") + "`"


def unquoted(name: str) -> str:
    """The name that `name`, quoted or bare, stands for."""
    name = name.strip()
    if len(name) > 1 and name[0] == name[-1] and name[0] in '`"':
        return re.sub(r"\\(.)|``", lambda found: found[1] or "`", name[1:-1])
    return name
