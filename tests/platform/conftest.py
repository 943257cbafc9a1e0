"""Two ClickHouse servers that know of each other."""

from collections.abc import Iterator

import pytest

from tests.support.clickhouse import HOST, ClickHouse

PROVINCE, SHARDS = "province", ("first", "second")
"""Clusters: both servers as two shards, and each server as the one replica of a shard."""


@pytest.fixture(scope="package")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ClickHouse, ClickHouse]]:
    """Two embedded servers, shards of one cluster; neither has a Keeper."""
    servers = tuple(ClickHouse(tmp_path_factory.mktemp(name)) for name in SHARDS)
    shards = [
        f"<shard><replica><host>{HOST}</host><port>{one.port}</port></replica></shard>" for one in servers
    ]
    named = "".join(f"<{name}>{shard}</{name}>" for name, shard in zip(SHARDS, shards, strict=True))
    for name, server in zip(SHARDS, servers, strict=True):
        server.config = tmp_path_factory.mktemp("config") / "server.xml"
        server.config.write_text(
            f"<clickhouse><tcp_port>{server.port}</tcp_port>"
            f"<macros><shard>{name}</shard><replica>{name}-1</replica></macros>"
            f"<remote_servers><{PROVINCE}>{''.join(shards)}</{PROVINCE}>{named}</remote_servers></clickhouse>"
        )
        server.start()
    yield servers[0], servers[1]
    for server in servers:
        server.stop()
