"""The one error of the embedded ClickHouse that a client is meant to see."""

import re

from services.platform.errors import MinmaiError

SYNTAX_ERROR = 62
UNKNOWN_SETTING = 115
READONLY = 164
NOT_IMPLEMENTED = 48
UNKNOWN_PACKET = 99
SESSION_IS_LOCKED = 373
QUERY_WAS_CANCELLED = 394
ACCESS_DENIED = 497
AUTHENTICATION_FAILED = 516
STD_EXCEPTION = 1001

_CODE = re.compile(r"Code: (\d+)\. DB::Exception: (.*)", re.DOTALL)


class EngineError(MinmaiError):
    """A statement failed; `code` is ClickHouse's number for the reason and `text` its explanation."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"Code: {code}. DB::Exception: {text}")
        self.code = code
        self.text = text

    @classmethod
    def parsed(cls, message: str) -> "EngineError":
        """Read the code out of the engine's own message; STD_EXCEPTION when it names none."""
        found = _CODE.search(message)
        return cls(int(found[1]), found[2]) if found else cls(STD_EXCEPTION, message)
