"""What the settings make: channels, and built-in subscribers, each with its channel's name for its own.

The alert topic always is among them, and hears of every change; the others hear of each alert at once.
"""

from schemas.streams import ALERT_TOPIC
from services.alerts.channels import Channel
from services.alerts.channels.alertmanager import Alertmanager
from services.alerts.channels.by_apprise import Apprise
from services.alerts.channels.dingtalk import DingTalk
from services.alerts.channels.feishu import Feishu
from services.alerts.channels.mail import Mail, Relay
from services.alerts.channels.topic import Topic
from services.alerts.channels.webhook import Webhook
from services.alerts.channels.wecom import WeCom
from services.alerts.links import Links
from services.alerts.routing.subscriber import Address, Mode, Subscriber
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
        channels.append(Mail(relay, settings.mail_from, links_of(settings).unsubscribing))
    return {channel.name: channel for channel in channels}


def links_of(settings: AlertsSettings) -> Links:
    """Return what signs the links to subscribers' pages."""
    return Links(settings.alerts_url, settings.link_secrets)


def built_in(settings: AlertsSettings) -> list[Subscriber]:
    """The subscribers that the settings make: the alert topic, and who is to hear of each alert at once."""
    topic = Address(channel="topic", address=ALERT_TOPIC)
    found = [_system("topic", "告警主题 · alert topic", [topic], "every")]
    if settings.webhook_url:
        address = Address(channel="webhook", address=settings.webhook_url)
        found.append(_system("webhook", "MINMAI_WEBHOOK_URL", [address], "each"))
    if settings.mail_recipients:
        mails = [Address(channel="mail", address=one) for one in settings.mail_recipients]
        found.append(_system("mail", "MINMAI_MAIL_TO", mails, "each"))
    return found


def _system(id: str, name: str, channels: list[Address], mode: Mode) -> Subscriber:
    return Subscriber(id=id, name=name, kind="system", channels=channels, mode=mode, repeat_interval=0)
