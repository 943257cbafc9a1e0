"""The stage of the rounds: the service with receivers of three channels."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

from services.platform.migrations import migrate
from services.platform.settings import Common
from tests.alerts.kills.rounds import MAIL_TO, Stage
from tests.alerts.kills.worker import ORDERS
from tests.alerts.receivers import HttpReceiver, SmtpReceiver
from tests.alerts.service import Site, ended
from tests.kills.effects import Orders
from tests.support.brokers import Broker
from tests.support.clickhouse import ClickHouse
from tests.support.ports import free_port


@contextmanager
def staged(
    broker: Broker, clickhouse: ClickHouse, database: str, directory: Path, seed: int
) -> Iterator[Stage]:
    """A stage on an empty database; the service has yet to start. What it says is logged in `directory`."""
    migrate(Common(clickhouse_port=clickhouse.port, clickhouse_database=database))
    web, smtp, orders = HttpReceiver(), SmtpReceiver(free_port()), directory / "orders"
    settings = {
        ORDERS: str(orders),
        "MINMAI_WEBHOOK_URL": web.url,
        "MINMAI_SMTP_HOST": "127.0.0.1",
        "MINMAI_SMTP_PORT": str(smtp.port),
        "MINMAI_SMTP_TLS": "none",
        "MINMAI_MAIL_FROM": "minmai@county.example",
        "MINMAI_MAIL_TO": ",".join(MAIL_TO),
    }
    program = ("-m", "tests.alerts.kills.worker")
    try:
        with ended(Site(broker, clickhouse, database, directory, settings, program)) as site:
            site.make_topics()
            yield Stage(site, web, smtp, Orders(orders), Random(seed))
    finally:
        web.close()
        smtp.close()
