"""The sample's chance: one seeded stream of numbers for each concern, so that none disturbs another."""

from random import Random


def dice(seed: int, concern: str) -> Random:
    """Return the numbers of one concern: the same for the same seed, on every machine."""
    return Random(f"{seed}/{concern}")  # noqa: S311 - a sample hides nothing
