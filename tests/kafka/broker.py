"""Apache Kafka for tests and benchmarks: one JVM, broker and controller in one, its log on disk."""

import fcntl
import secrets
import shutil
import subprocess
from functools import cache
from pathlib import Path

from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove
from kafka.errors import KafkaError

from deploy.embedded.broker import HOST, wait_ready
from deploy.embedded.child import Child
from services.platform.errors import StartError

_HERE = Path(__file__).parent
_POM = _HERE / "pom.xml"
_TARGET = _HERE / "target"
_START_SECONDS = 90.0


class KafkaBroker:
    """One Kafka node on two ports and a folder; killed or stopped, it starts again on the same."""

    keeps_log = True

    def __init__(self, directory: Path, port: int, controller_port: int) -> None:
        self.port = port
        self.bootstrap = f"{HOST}:{port}"
        self._directory = directory
        self._properties = _properties(directory / "log", port, controller_port)
        self._child: Child | None = None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.running

    @property
    def pid(self) -> int:
        """Its process id; only while it has been started."""
        assert self._child is not None
        return self._child.pid

    def start(self) -> None:
        """Start it and return when it answers; raises StartError (Java or Maven missing, early end)."""
        java = _java()
        config = self._directory / "server.properties"
        if not config.exists():
            self._directory.mkdir(parents=True, exist_ok=True)
            config.write_text(self._properties)
            # An id that begins with a dash would be read as an option.
            cluster_id = f"m{secrets.token_urlsafe(16)[1:]}"
            _run(
                "format Kafka's log",
                [*java, "kafka.tools.StorageTool", "format", "-t", cluster_id, "-c", str(config)],
            )
        child = Child("Kafka", [*java, "kafka.Kafka", str(config)], log=self._directory / "kafka.log")
        self._child = child
        try:
            wait_ready(self.bootstrap, _START_SECONDS, child.check)
        except BaseException:
            self.kill()
            raise

    def stop(self) -> None:
        """End it with SIGTERM: it closes its log and leaves the cluster."""
        if self._child is not None:
            self._child.stop(grace=30)
            self._child = None

    def kill(self) -> None:
        """End it with SIGKILL, as a crash."""
        if self._child is not None:
            self._child.kill()
            self._child = None


def emptied(bootstrap: str) -> bool:
    """Delete every topic and every consumer group, members that died with it; False if Kafka refuses any."""
    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    except (KafkaError, OSError):
        return False
    try:
        groups = [group["group_id"] for group in admin.list_groups()]
        for group in groups:
            members = admin.describe_groups([group])[group]["members"]
            admin.remove_group_members(
                group, [MemberToRemove(one["member_id"], one.get("group_instance_id")) for one in members]
            )
        gone = admin.delete_groups(groups) if groups else {}
        topics = [topic["name"] for topic in admin.describe_topics() if not topic["is_internal"]]
        if topics:
            admin.delete_topics(topics)
        left = [topic for topic in admin.describe_topics() if not topic["is_internal"]]
        return not left and set(gone.values()) <= {"OK"}
    except KafkaError:
        return False
    finally:
        admin.close()


def _properties(log: Path, port: int, controller_port: int) -> str:
    values = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{HOST}:{controller_port}",
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://{HOST}:{port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "log.dirs": log,
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        # A group of one member need not wait for more to come.
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
        # After a SIGKILL the controller refuses the node until its former session has expired.
        "broker.session.timeout.ms": 2000,
        "broker.heartbeat.interval.ms": 500,
    }
    return "".join(f"{name}={value}\n" for name, value in values.items())


@cache
def _java() -> list[str]:
    """The start of a command that runs a class of Kafka."""
    java = shutil.which("java")
    if java is None:
        raise StartError("the tests on Apache Kafka need Java 17 or newer: no `java` on the PATH")
    return [
        *(java, "-Xms128m", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"),
        *("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true"),
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
        *("-cp", f"{_libraries()}/*"),
    ]


def _libraries() -> Path:
    """The folder with Kafka's jar files, fetched by Maven when the declaration has changed."""
    jars, fetched = _TARGET / "dependency", _TARGET / "fetched"
    with _TARGET.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes begin at once
        _fetch(fetched)
    return jars


def _fetch(fetched: Path) -> None:
    if not fetched.exists() or fetched.stat().st_mtime < _POM.stat().st_mtime:
        maven = shutil.which("mvn")
        if maven is None:
            raise StartError("the tests on Apache Kafka fetch it with Maven: no `mvn` on the PATH")
        _run(
            "fetch Kafka with Maven",
            [maven, "-q", "-B", "-f", str(_POM), "clean", "dependency:copy-dependencies"],
        )
        fetched.touch()


def _run(what: str, command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StartError(f"cannot {what}: {done.stdout}{done.stderr}")
