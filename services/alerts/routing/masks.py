"""Sets of small whole numbers as the bits of an int: a thousand alerts are compared at the price of one."""

from collections.abc import Iterable

import numpy as np

_FEW = 12
"""Up to so many are quicker to take off one by one."""


def members(mask: int) -> list[int]:
    """The numbers in a set, ascending."""
    if mask.bit_count() <= _FEW:
        found = []
        while mask:
            low = mask & -mask
            found.append(low.bit_length() - 1)
            mask ^= low
        return found
    bits = np.frombuffer(mask.to_bytes((mask.bit_length() + 7) // 8, "little"), np.uint8)
    numbers: list[int] = np.unpackbits(bits, bitorder="little").view(np.bool_).nonzero()[0].tolist()
    return numbers


def lowest(mask: int) -> int:
    """The smallest number of a set that is not empty."""
    return (mask & -mask).bit_length() - 1


def union(masks: Iterable[int]) -> int:
    """The union of sets."""
    whole = 0
    for mask in masks:
        whole |= mask
    return whole
