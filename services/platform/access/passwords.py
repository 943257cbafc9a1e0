"""Passwords: what may be one, and their hashes (argon2id, RFC 9106)."""

from functools import cache
from secrets import token_urlsafe
from unicodedata import normalize

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from services.platform.errors import MinmaiError

SHORTEST = 12
LONGEST = 200
_LEAST_DIFFERENT = 5
_HASHER = PasswordHasher()


class WeakPassword(MinmaiError):
    """A password that others would guess."""


def generated() -> str:
    """Return a password of 120 random bits."""
    return token_urlsafe(15)


def check(password: str, name: str) -> None:
    """Raise WeakPassword unless this may be the password of that user."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise WeakPassword(
            f"密码须有 {SHORTEST} 至 {LONGEST} 个字符 · a password has {SHORTEST} to {LONGEST} characters"
        )
    named = len(name) >= _LEAST_DIFFERENT and name.casefold() in password.casefold()
    if named or len(set(password)) < _LEAST_DIFFERENT:
        raise WeakPassword(
            "密码太容易猜到：不要包含用户名，也不要重复少数几个字符 · this is easily guessed: leave the "
            "user's name out, and use more than a few characters"
        )


def hashed(password: str) -> str:
    """Return the hash of a password, with its own salt and parameters."""
    return _HASHER.hash(normalize("NFC", password))


def matches(kept: str, password: str) -> bool:
    """Whether a password is that of a hash. Without one (empty) it is not, after the same time."""
    try:
        return _HASHER.verify(kept or nobodys(), normalize("NFC", password)) and bool(kept)
    except (VerificationError, InvalidHashError):
        return False


@cache
def nobodys() -> str:
    """Return a hash whose password nobody knows."""
    return hashed(token_urlsafe(32))
