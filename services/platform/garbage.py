"""The garbage collector of a long-running service."""

import gc

_ALLOCATIONS = 10_000


def settle() -> None:
    """Spare the collector what was made before now: modules, contracts, routes, which stay to the end.

    It would go through all of them again and again: a third of what checking a record costs. Call it once,
    when everything is set up.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, 20, 100)
