"""Which alerts a filter means, as a mask of slots."""

from services.alerts.routing.episodes import Index
from services.alerts.routing.filter import Filter
from services.alerts.routing.masks import union


def meant(by: Filter, index: Index) -> int:
    """The slots that a filter means."""
    mask = index.every
    if by.severities:
        mask &= index.of("severity", by.severities)
    if by.themes or by.indicators:
        mask &= index.of("theme", by.themes) | index.of("indicator", by.indicators)
    if by.kinds:
        mask &= index.of("kind", by.kinds)
    if by.rules:
        mask &= index.of("rule", by.rules)
    if by.divisions:
        if by.townships:
            mask &= union(map(index.within, by.divisions))
        else:
            mask &= index.of("division", by.divisions)
    return mask
