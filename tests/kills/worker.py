"""An aggregator that obeys orders to be struck at a step: `python -m tests.kills.worker aggregate`.

It is the command `minmai` itself; only the drivers below it are watched.
"""

import os
from pathlib import Path

from cli.main import main
from tests.kills.effects import Orders, watch

ORDERS = "KILLS_ORDERS"
"""The environment variable that names the file of orders."""

if __name__ == "__main__":
    watch(Orders(Path(os.environ[ORDERS])).passing)
    main()
