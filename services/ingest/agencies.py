"""The agencies that may push, and their keys.

The file is JSON, `{"agencies": [...]}`. It holds a hash of each key and never the key: a key has 256 random
bits, so a plain SHA-256 of it cannot be searched.
"""

import json
import logging
import re
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, field_validator, model_validator

from schemas.envelope import UtcDatetime
from schemas.fields import Contract
from schemas.streams import STREAMS
from services.platform import files
from services.platform.errors import MinmaiError

log = logging.getLogger(__name__)

KEY_PREFIX = "minmai_"
_LIKE_A_KEY = re.compile(rf"{KEY_PREFIX}[\w-]*")
_ID_DIGITS = 8
_KEPT = timedelta(days=365)
"""A key that has ended stays in the file so long, that it can be said whose it was when somebody uses it."""


class AgenciesError(MinmaiError):
    """The file of the agencies cannot be read or an entry is wrong."""


class Key(Contract):
    """A key of an agency, known by its hash."""

    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    created: UtcDatetime
    expires: Annotated[UtcDatetime | None, Field(description="from then on it is none")] = None

    @property
    def id(self) -> str:
        """What people call it; the beginning of the hash, which tells nothing of the key."""
        return self.sha256[:_ID_DIGITS]

    def holds(self, now: datetime) -> bool:
        """Whether it has not expired."""
        return self.expires is None or now < self.expires


class Agency(Contract):
    """One agency: which streams it may push, and for the divisions under which codes.

    It may have several keys, so that a new one can be put in place before the old one ends, or none: then
    nothing of it is taken.
    """

    name: Annotated[
        str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$", description="source of its events")
    ]
    streams: Annotated[frozenset[str], Field(min_length=1)]
    divisions: Annotated[
        tuple[Annotated[str, Field(pattern=r"^\d{1,12}$")], ...],
        Field(min_length=1, description="division codes; each also admits the divisions below it"),
    ]
    keys: tuple[Key, ...]
    created: UtcDatetime
    feed: Annotated[bool, Field(description="it also writes to a topic of its own, minmai.feed.{name}")] = (
        False
    )

    @model_validator(mode="before")
    @classmethod
    def _of_one_key(cls, entry: Any) -> Any:
        """Read an entry as it was written while an agency had exactly one key."""
        if not isinstance(entry, dict) or "key_sha256" not in entry or "keys" in entry:
            return entry
        rest = {name: value for name, value in entry.items() if name != "key_sha256"}
        return rest | {"keys": [{"sha256": entry["key_sha256"], "created": entry.get("created")}]}

    @field_validator("streams")
    @classmethod
    def _streams_exist(cls, streams: frozenset[str]) -> frozenset[str]:
        unknown = streams - STREAMS.keys()
        if unknown:
            raise ValueError(f"no such stream: {', '.join(sorted(unknown))}; there are {', '.join(STREAMS)}")
        return streams

    def has_key(self, now: datetime) -> bool:
        """Whether any of its keys holds."""
        return any(key.holds(now) for key in self.keys)

    def may_tell_of(self, division: str) -> bool:
        """Whether it may push records of a division."""
        return division.startswith(self.divisions)


class _File(Contract):
    """The whole file."""

    agencies: list[Agency] = []

    @field_validator("agencies")
    @classmethod
    def _names_differ(cls, agencies: list[Agency]) -> list[Agency]:
        names = [agency.name for agency in agencies]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"more than one agency is named {', '.join(twice)}")
        return agencies


class Agencies:
    """The agencies of a file, read again whenever the file has changed.

    A file that is not there has no agencies. Raises AgenciesError if the file is wrong at the start; if it
    becomes wrong later, the agencies known before stay.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state = files.state(path)
        self._take(_read(path).agencies)

    def lookup(self, key: str, now: datetime | None = None) -> Agency | None:
        """Return the agency whose key this is at a moment (by default: now)."""
        owner = self.owner(key)
        return owner[0] if owner and owner[1].holds(now or datetime.now(UTC)) else None

    def owner(self, key: str) -> tuple[Agency, Key] | None:
        """Return whose key this is or, if it has ended, was, with its entry in the file.

        It is found by its hash. The time this takes may tell how the hash of some key begins, but nobody can
        make a key of that; it tells nothing of the key itself.
        """
        self._refresh()
        return self._owners.get(_digest(key))

    def feeding(self) -> dict[str, Agency]:
        """The agencies that write to a topic of their own, by name.

        Not those without a key: an agency whose keys have been revoked has no way in, its topic neither.
        """
        self._refresh()
        now = datetime.now(UTC)
        return {agency.name: agency for agency in self._agencies if agency.feed and agency.has_key(now)}

    def _refresh(self) -> None:
        state = files.state(self._path)
        if state == self._state:
            return
        self._state = state
        try:
            self._take(_read(self._path).agencies)
        except AgenciesError as error:
            log.error("%s; going on with the %d agencies known before", error, len(self._agencies))  # noqa: TRY400
        else:
            log.info("read %d agencies from %s", len(self._agencies), self._path)

    def _take(self, agencies: Sequence[Agency]) -> None:
        self._agencies = agencies
        self._owners = {key.sha256: (agency, key) for agency in agencies for key in agency.keys}


def add(
    path: Path, name: str, streams: Iterable[str], divisions: Iterable[str], *, feed: bool = False
) -> str:
    """Add an agency and return its key, which can never be had again; the file keeps a hash of it.

    Raises AgenciesError if there is one of that name, or a stream or division code is wrong.
    """
    key, kept = _new(datetime.now(UTC))
    with files.locked(path):
        known = _read(path).agencies
        try:
            added = Agency(
                name=name,
                streams=frozenset(streams),
                divisions=tuple(divisions),
                keys=(kept,),
                created=kept.created,
                feed=feed,
            )
            content = _File(agencies=[*known, added])
        except ValidationError as error:
            raise AgenciesError(f"agency {name!r} cannot be added to {path}: {_mistakes(error)}") from None
        _write(path, content)
    return key


def rotate(path: Path, name: str, overlap: timedelta) -> tuple[str, datetime]:
    """Give an agency a new key; return it, and the moment until which the keys it had before still hold.

    A key that was to expire earlier still does; those that did so more than a year ago are forgotten. Raises
    AgenciesError if there is no such agency.
    """
    now = datetime.now(UTC)
    end = now + overlap
    key, kept = _new(now)

    def keys_of(agency: Agency) -> Sequence[Key]:
        ending = (
            known.model_copy(update={"expires": min(known.expires or end, end)}) for known in agency.keys
        )
        return [*(known for known in ending if known.holds(now - _KEPT)), kept]

    _change(path, name, keys_of)
    return key, end


def revoke(path: Path, name: str, id: str | None = None) -> Sequence[Key]:
    """Take all keys of an agency away, or the one of this id, at once; return those taken.

    The agency stays in the file: what it has pushed is still its own, and `rotate` gives it a key again. Its
    keys stay too, as ended ones. Raises AgenciesError if there is no such agency, or it has no such key that
    holds.
    """
    now = datetime.now(UTC)
    taken: list[Key] = []

    def keys_of(agency: Agency) -> Sequence[Key]:
        holding = [known for known in agency.keys if known.holds(now)]
        taken.extend(known for known in holding if id in (None, known.id))
        if id is not None and not taken:
            ids = ", ".join(known.id for known in holding) or "none"
            raise AgenciesError(f"{path}: agency {name!r} has no key {id!r}; its keys: {ids}")
        return [
            known.model_copy(update={"expires": now}) if known in taken else known for known in agency.keys
        ]

    _change(path, name, keys_of)
    return taken


def bearer_key(authorization: str) -> str:
    """Return the key in a header Authorization; empty if there is none."""
    scheme, _, key = authorization.partition(" ")
    return key.strip() if scheme.lower() == "bearer" else ""


def without_keys(text: str) -> str:
    """Return a sender's text with whatever looks like a key left out: some put it in the wrong place."""
    return _LIKE_A_KEY.sub(f"{KEY_PREFIX}…", text)


def _new(now: datetime) -> tuple[str, Key]:
    key = KEY_PREFIX + secrets.token_urlsafe(32)
    return key, Key(sha256=_digest(key), created=now)


def _change(path: Path, name: str, keys_of: Callable[[Agency], Sequence[Key]]) -> None:
    with files.locked(path):
        known = _read(path).agencies
        if name not in (agency.name for agency in known):
            names = ", ".join(agency.name for agency in known) or "none"
            raise AgenciesError(f"{path}: there is no agency {name!r}; there are: {names}")
        changed = [
            agency.model_copy(update={"keys": tuple(keys_of(agency))}) if agency.name == name else agency
            for agency in known
        ]
        _write(path, _File(agencies=changed))


def listed(path: Path) -> list[Agency]:
    """Return the agencies of a file; one that is not there has none. Raises AgenciesError if it is wrong."""
    return _read(path).agencies


def _read(path: Path) -> _File:
    try:
        return _File.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return _File()
    except OSError as error:
        raise AgenciesError(f"{path}: cannot be read: {error.strerror}") from error
    except ValidationError as error:
        raise AgenciesError(f"{path}: {_mistakes(error)}") from None


def _digest(key: str) -> str:
    return sha256(key.encode("utf-8", "replace")).hexdigest()


def _mistakes(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in mistake['loc'])}: {mistake['msg']}" for mistake in error.errors()
    )


def _write(path: Path, content: _File) -> None:
    files.replace(path, json.dumps(content.model_dump(mode="json"), ensure_ascii=False, indent=2) + "\n")
