"""deploy/docker-compose.yml: valid, and hardened as it says. No Docker engine runs here."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from schemas.alert import FEED_STOPPED
from services.board.grafana.client import OLDEST, PLUGIN
from services.platform.plan_files.defaults import NOTICES_LOST
from tests.deploy.compose import FILE, FOLDER, ROOT, compose, image_of, is_job, services

SERVICES = services()
_VARIABLE = re.compile(r"\$\{(\w+)(?::-[^}]*)?\}")


def _validated(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", file],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_file_follows_the_compose_specification() -> None:
    result = _validated(FILE)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_check_against_the_specification_can_fail(tmp_path: Path) -> None:
    wrong = compose()
    wrong["services"]["ingest"]["health_check"] = {"test": ["NONE"]}
    file = tmp_path / "docker-compose.yml"
    file.write_text(yaml.safe_dump(wrong))
    assert "health_check" in _validated(file).stdout


def test_the_services_are_those_of_the_issue() -> None:
    assert set(SERVICES) == {
        *("kafka-1", "kafka-2", "kafka-3", "clickhouse-1", "clickhouse-2", "keeper-1"),
        *("migrate", "topics", "ingest", "aggregate", "alerts", "board", "grafana", "grafana-publish"),
    }
    cluster = {name for name, one in SERVICES.items() if one.get("profiles")}
    assert cluster == {"kafka-2", "kafka-3", "clickhouse-2", "keeper-1"}
    assert {name for name, one in SERVICES.items() if is_job(one)} == {"migrate", "topics", "grafana-publish"}


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_can_do_no_more_than_it_must(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    user, _, _ = service["user"].partition(":")
    assert int(user) > 0, "runs as root"
    assert "privileged" not in service
    assert "network_mode" not in service
    assert "cap_add" not in service
    assert any(one.startswith("/tmp:") for one in service["tmpfs"])


@pytest.mark.parametrize("name", SERVICES)
def test_a_container_has_limits_and_comes_back(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"\d+[mg]", service["mem_limit"])
    assert service["logging"]["options"] == {"max-size": "10m", "max-file": "5"}
    if is_job(service):
        assert service["healthcheck"] == {"disable": True}
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] in ("CMD", "CMD-SHELL")
        assert set(service["healthcheck"]) == {"test", "interval", "timeout", "retries", "start_period"}


def test_memory_of_java_fits_its_container() -> None:
    for name in ("kafka-1", "kafka-2", "kafka-3"):
        heap = re.search(r"-Xmx(\d+)m", SERVICES[name]["environment"]["KAFKA_HEAP_OPTS"])
        assert heap
        assert int(heap[1]) * 2 < int(SERVICES[name]["mem_limit"].removesuffix("m"))


def test_every_published_port_is_on_the_loopback() -> None:
    published = [one for service in SERVICES.values() for one in service.get("ports", [])]
    assert sorted(published) == [f"127.0.0.1:{port}:{port}" for port in (3000, 8100, 8101, 8102, 8103)]


def test_the_ports_are_those_the_services_listen_on() -> None:
    for name in ("ingest", "board", "alerts", "aggregate"):
        service = SERVICES[name]
        port = service["environment"][f"MINMAI_{name.upper()}_PORT"]
        assert service["ports"] == [f"127.0.0.1:{port}:{port}"]
        assert service["healthcheck"]["test"][-1] == port
        assert service["environment"]["MINMAI_HOST"] == "0.0.0.0"


def test_whoever_is_waited_for_is_there_and_can_be_waited_for() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            needed = SERVICES[other]
            wanted = "service_completed_successfully" if is_job(needed) else "service_healthy"
            assert how["condition"] == wanted, (name, other)
            assert how.get("required", True) is not bool(needed.get("profiles")), (name, other)


def test_what_is_mounted_is_there() -> None:
    declared = compose()
    for name, service in SERVICES.items():
        for mount in service.get("volumes", []):
            source, target, *mode = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", mount).split(":")
            assert target.startswith("/"), (name, mount)
            if not source.startswith("."):
                assert source in declared["volumes"], (name, mount)
            elif source != "./backups":
                assert (FOLDER / source).exists(), (name, mount)
                assert mode == ["ro"], (name, mount)
    used = {
        mount.split(":")[0]
        for service in SERVICES.values()
        for mount in service.get("volumes", [])
        if not mount.startswith((".", "$"))
    }
    assert used == set(declared["volumes"])


def test_every_layout_of_clickhouse_has_its_file() -> None:
    variables = _cluster_env()
    for layout in ("one", variables["CLICKHOUSE_LAYOUT"]):
        assert (FOLDER / "clickhouse" / "server" / f"{layout}.xml").is_file()


# --- secrets ----------------------------------------------------------------------------------------------


def test_secrets_come_from_files_that_are_in_no_commit() -> None:
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/deploy/secrets/", "/deploy/backups/", "/deploy/.env"} <= set(ignored)
    for name, secret in compose()["secrets"].items():
        assert secret == {"file": f"./secrets/{name}"}
    used = {
        one if isinstance(one, str) else one["source"]
        for service in SERVICES.values()
        for one in service.get("secrets", [])
    }
    assert used == set(compose()["secrets"])


def test_no_secret_stands_in_the_environment() -> None:
    for name, service in SERVICES.items():
        for variable, value in (service.get("environment") or {}).items():
            if re.search(r"PASSWORD|SECRET|TOKEN|KEY\b|DINGTALK|WECOM", variable):
                assert str(value).startswith("/run/secrets"), (name, variable)


def test_the_guide_makes_each_secret() -> None:
    guide = (ROOT / "docs/guides/operations.md").read_text()
    made = " ".join(re.findall(r"for name in ([^;]*); do", guide)).split()
    assert sorted(made) == sorted(compose()["secrets"])


def test_the_guide_says_what_to_do_for_each_alert_of_the_pipeline() -> None:
    kinds = {"lag", "freshness", "feed_silent", "feed_stopped", "refused_share", "notices_lost"}
    rules = yaml.safe_load((ROOT / "plans/yanshan/rules.yaml").read_text())
    declared = {one["id"] for one in rules if one.get("kind") in kinds}
    guide = (ROOT / "docs/guides/operations.md").read_text()
    table = set(re.findall(r"^\| `([\w-]+)`(?: \(\w+\))? \|", guide, re.MULTILINE))
    assert {"counting_behind", "figures_late"} <= declared
    assert declared | {FEED_STOPPED, NOTICES_LOST} <= table


# --- the profile of three brokers -------------------------------------------------------------------------


def _cluster_env() -> dict[str, str]:
    lines = (FOLDER / "cluster.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_the_cluster_sets_variables_that_the_file_reads() -> None:
    read = set(_VARIABLE.findall(FILE.read_text()))
    assert set(_cluster_env()) - read == {"COMPOSE_PROFILES"}


def test_the_cluster_names_all_its_members() -> None:
    variables = _cluster_env()
    brokers = [name for name in SERVICES if name.startswith("kafka-")]
    assert variables["KAFKA_BROKERS"].split(",") == [f"{name}:9092" for name in brokers]
    numbers = [SERVICES[name]["environment"]["KAFKA_NODE_ID"] for name in brokers]
    voters = [f"{number}@{name}:9093" for number, name in zip(numbers, brokers, strict=True)]
    assert variables["KAFKA_VOTERS"].split(",") == voters
    assert int(variables["KAFKA_COPIES"]) == len(brokers)
    assert 1 < int(variables["KAFKA_COPIES_WRITTEN"]) < len(brokers)
    replicas = [name for name in SERVICES if name.startswith("clickhouse-")]
    assert variables["CLICKHOUSE_HOSTS"].split(",") == replicas
    for name in brokers:
        assert SERVICES[name]["environment"]["KAFKA_ADVERTISED_LISTENERS"] == f"PLAINTEXT://{name}:9092"


# --- versions ---------------------------------------------------------------------------------------------


def test_kafka_is_the_one_the_tests_run_on() -> None:
    pom = (ROOT / "tests/kafka/pom.xml").read_text()
    tested = re.search(r"<artifactId>kafka_2\.13</artifactId>\s*<version>([\d.]+)</version>", pom)
    assert tested
    for name in ("kafka-1", "kafka-2", "kafka-3"):
        assert image_of(name) == ("apache/kafka", tested[1])


def test_clickhouse_is_of_the_release_the_tests_run_on() -> None:
    locked = re.search(r"^chdb-core==(\d+\.\d+)\.", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    assert locked
    tags = {image_of(name) for name in ("clickhouse-1", "clickhouse-2", "keeper-1")}
    [(image, tag)] = tags
    assert image == "clickhouse/clickhouse-server"
    assert re.fullmatch(rf"{re.escape(locked[1])}\.\d+\.\d+", tag)
    assert f"ClickHouse {locked[1]}" in (ROOT / "docs/scaling.md").read_text()


def test_grafana_is_new_enough_and_has_the_plugin() -> None:
    image, tag = image_of("grafana")
    assert image == "grafana/grafana"
    assert tuple(map(int, tag.split(".")))[:2] >= OLDEST
    plugin, _, version = SERVICES["grafana"]["environment"]["GF_PLUGINS_PREINSTALL"].partition("@")
    assert plugin == PLUGIN
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)


def test_every_image_has_a_version() -> None:
    tags = {name: image_of(name)[1] for name in SERVICES}
    assert all(re.fullmatch(r"\d+(\.\d+){2,3}", tag) for tag in tags.values()), tags


def test_our_image_has_the_version_of_the_package() -> None:
    project: dict[str, Any] = _project()
    for name, service in SERVICES.items():
        if service.get("build"):
            assert image_of(name) == ("minmai", project["version"])
            assert (FOLDER / service["build"]["context"]).resolve() == ROOT
            assert (ROOT / service["build"]["dockerfile"]).is_file()


def _project() -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"])
