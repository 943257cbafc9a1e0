"""Sessions: a signed cookie that holds for some hours, until its user signs out or gets another password."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from secrets import token_hex

from itsdangerous import BadData, URLSafeSerializer

from services.platform.access import users as kept
from services.platform.access.identity import Session
from services.platform.access.users import User, Users

_SALT = "minmai.session.v1"


class Sessions:
    """Begins, reads and ends sessions."""

    def __init__(
        self,
        users: Users,
        secrets: Sequence[str],
        length: timedelta,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """The first of `secrets` signs and all are known, so that one can follow another."""
        self.length = length
        self._users = users
        self._now = now
        self._signer = URLSafeSerializer(
            list(reversed(secrets)), salt=_SALT, signer_kwargs={"digest_method": sha256}
        )

    def begin(self, user: User) -> str:
        """Return the cookie of a new session."""
        ends = self._now() + self.length
        return str(self._signer.dumps([token_hex(16), user.name, user.stamp, int(ends.timestamp())]))

    def read(self, cookie: str) -> Session | None:
        """Return the session of a cookie, None if it was not signed here."""
        try:
            id, name, stamp, ends = self._signer.loads(cookie)
            return Session(id, name, stamp, datetime.fromtimestamp(ends, UTC))
        except (BadData, ValueError, TypeError):
            return None

    def user(self, session: Session) -> User | None:
        """Return whose session it is, as the user is now; None if it does not hold any more."""
        user = self._users.find(session.name)
        if user is None or user.stamp != session.stamp:
            return None
        return None if self._now() >= session.ends or self._users.has_ended(session.id) else user

    def end(self, session: Session) -> None:
        """End a session before its time, in every service. Raises UsersError if that cannot be kept."""
        kept.end_session(self._users.path, session.id, session.ends)
