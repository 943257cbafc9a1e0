"""The aggregator with one step that may be poisoned: while file $STUCK_FILE is there, a claim never returns.

STUCK_HOW=waits   the step waits for ever, and everything beside it goes on
STUCK_HOW=holds   the step holds the whole event loop
"""

import asyncio
import os
import threading
from pathlib import Path

from cli.main import app
from schemas.streams import STREAMS
from services.aggregate.blocks import Block
from services.aggregate.pipeline import BlockPath

TOPIC = STREAMS["facility"].topic

claim = BlockPath.claim


async def poisoned(self: BlockPath, wanted: Block) -> Block:
    if wanted.place.topic == TOPIC and await asyncio.to_thread(Path(os.environ["STUCK_FILE"]).exists):
        if os.environ["STUCK_HOW"] == "holds":
            threading.Event().wait()
        await asyncio.Event().wait()
    return await claim(self, wanted)


if __name__ == "__main__":
    BlockPath.claim = poisoned  # type: ignore[method-assign]
    app()
