"""The place in a rendered notice for the link to its subscriber's page."""

import re
from collections.abc import Callable

LONGEST_URL = 72
"""Characters of the pages' own address; with it, no link is longer than the place kept for it."""

_PLACE = "minmai-link:".ljust(192, "-")
# Of private use: texts from outside are rendered without such characters.
_BEGIN, _END = "\ue000", "\ue001"
_MANAGED = re.compile(f"{_BEGIN}(.*?){_END}", re.DOTALL)


def manageable(render: Callable[[str], str]) -> str:
    """Return a part of a notice with a place for the link, which is signed when the notice is sent: what is
    kept and shown of a notice lets nobody in. The part goes where there is no link.
    """
    return f"{_BEGIN}{render(_PLACE)}{_END}"


def filled(payload: str, link: str | None) -> str:
    """Return a payload with the link in its place; None: as if there had been none."""
    return _MANAGED.sub(lambda found: found[1].replace(_PLACE, link) if link else "", payload)
