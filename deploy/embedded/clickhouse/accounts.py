"""Who may come in: the user `default`, with the one password of this server."""

import hmac

from deploy.embedded.clickhouse.errors import AUTHENTICATION_FAILED, EngineError

USER = "default"


def admit(user: str, password: str, expected: str) -> None:
    """Raise EngineError (AUTHENTICATION_FAILED) unless this is USER with the `expected` password."""
    known = hmac.compare_digest(password.encode(), expected.encode())
    if (user or USER) != USER or not known:
        raise EngineError(
            AUTHENTICATION_FAILED,
            f"{user}: Authentication failed: password is incorrect, or there is no user with such name. "
            "(AUTHENTICATION_FAILED)",
        )
