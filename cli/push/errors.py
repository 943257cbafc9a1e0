"""Why something is not sent. Texts are Chinese first with English beside."""

from services.platform.errors import MinmaiError


class UsageError(MinmaiError):
    """The call is wrong: nothing has been sent."""


class FileError(MinmaiError):
    """This file cannot be sent (any further); others may be."""


class Stopped(MinmaiError):
    """Nothing can be sent now, of any file: the key is wrong, or ingest does not answer."""
