"""The settings of two replicas, as the engine reads them."""

from pathlib import Path

from tests.deploy.compose import FOLDER, services
from tests.deploy.engine import run

TWO = FOLDER / "clickhouse" / "server" / "two.xml"


def test_the_engine_sees_one_shard_of_two_replicas(tmp_path: Path) -> None:
    members, macros = run(
        tmp_path,
        TWO,
        "SELECT shard_num, replica_num, host_name, port FROM system.clusters WHERE cluster = 'county'"
        " ORDER BY replica_num",
        "SELECT macro, substitution FROM system.macros ORDER BY macro",
    )
    assert members == ("1\t1\tclickhouse-1\t9000\n1\t2\tclickhouse-2\t9000\n", "")
    assert macros == ("replica\t2\nshard\t1\n", "")
    for name, number in (("clickhouse-1", "1"), ("clickhouse-2", "2")):
        service = services()[name]
        assert service["hostname"] == name
        assert service["environment"]["CLICKHOUSE_REPLICA"] == number
