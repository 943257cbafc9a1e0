"""The error tree of minmai: every error a user may see descends from MinmaiError."""


class MinmaiError(Exception):
    """Something minmai can name; the message says what, where and what to do."""


class SettingsError(MinmaiError):
    """One or more settings are wrong; the message lists them all."""


class PlanError(MinmaiError):
    """A county's plan folder is wrong; the message lists every mistake with its file."""


class StartError(MinmaiError):
    """A process of the one-machine default cannot start (port taken, dependency missing, data in use)."""


class MigrationError(MinmaiError):
    """The database schema cannot be brought to the wanted version."""


class RecordError(MinmaiError):
    """A record is wrong; it belongs to the dead letters, and its neighbours go on."""


class Unavailable(MinmaiError):
    """A neighbour (broker, ClickHouse) does not answer now; the same call may succeed later.

    `code` is that of ClickHouse's error where it is there and cannot now, else None.
    """

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code
