"""Ports for servers that a test starts."""

import random
import socket

# Below the ports that systems hand to outgoing connections: one of those could take the port between our look
# and the server's start.
_FIRST, _LAST = 15_000, 32_000

_random = random.SystemRandom()


def free_port() -> int:
    """A port on 127.0.0.1 that nobody listens on now."""
    while True:
        port = _random.randint(_FIRST, _LAST)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
