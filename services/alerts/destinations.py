"""Whom the settings name: the built-in subscribers, each with its channel's name for its own.

They hear every change at once. The alert topic always is among them.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from schemas.alert import AlertChange
from schemas.streams import ALERT_TOPIC
from services.alerts.channels import Channel, Destination, Notice, Recipient, Why, notice_of
from services.alerts.channels.alertmanager import Alertmanager
from services.alerts.channels.by_apprise import Apprise
from services.alerts.channels.dingtalk import DingTalk
from services.alerts.channels.feishu import Feishu
from services.alerts.channels.mail import Mail, Relay
from services.alerts.channels.topic import Topic
from services.alerts.channels.webhook import Webhook
from services.alerts.channels.wecom import WeCom
from services.alerts.settings import AlertsSettings


def channels_of(settings: AlertsSettings) -> dict[str, Channel]:
    """Return the channels there are, by name; e-mail only if a mail server is set up."""
    channels: list[Channel] = [
        Topic(settings.kafka),
        Webhook(settings.webhook_secret.get_secret_value().encode() or None),
        WeCom(),
        DingTalk(),
        Feishu(),
        Alertmanager(),
        Apprise(),
    ]
    if settings.smtp_host:
        relay = Relay(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_tls,
            user=settings.smtp_user,
            password=settings.smtp_password,
        )
        channels.append(Mail(relay, settings.mail_from))
    return {channel.name: channel for channel in channels}


def built_in(settings: AlertsSettings, channels: Mapping[str, Channel]) -> list[Destination]:
    """Return where the subscribers that the settings name are reached."""
    addresses = [("topic", ALERT_TOPIC)]
    if settings.webhook_url:
        addresses.append(("webhook", settings.webhook_url))
    addresses += [("mail", address) for address in settings.mail_recipients]
    return [Destination(name, name, channels[name].recipient(address)) for name, address in addresses]


def notices_of(
    change: AlertChange, to: Sequence[Destination], channels: Mapping[str, Channel], now: datetime
) -> list[Notice]:
    """Return the notices of a change, one for each destination."""
    why: Why = "resolved" if change.state == "resolved" else "first"
    return [notice_of([change], one, channels[one.channel], why, now) for one in to]


def find_in(destinations: Sequence[Destination]) -> Callable[[Notice], Recipient | None]:
    """Return how a notice finds its recipient; None: its subscriber is no longer reached there."""
    known = {(one.subscriber, one.channel, one.to.shown): one.to for one in destinations}
    return lambda notice: known.get((notice.subscriber, notice.channel, notice.recipient))
