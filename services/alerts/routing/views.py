"""What may be shown of subscribers: all but their addresses' secrets."""

from collections.abc import Mapping
from typing import Any

from schemas.fields import Contract
from services.alerts.channels import AddressError, Channel
from services.alerts.routing.subscriber import Subscriber


class AddressView(Contract):
    """An address without what is secret of it."""

    channel: str
    shown: str


class SubscriberView(Contract):
    """A subscriber: `subscriber` is all but the addresses, `addresses` what may be shown of those."""

    subscriber: dict[str, Any]
    addresses: list[AddressView]


def shown(one: Subscriber, channels: Mapping[str, Channel]) -> SubscriberView:
    """Return what may be shown of a subscriber."""
    addresses = []
    for address in one.channels:
        channel = channels.get(address.channel)
        text = "通道未设置 · channel is not set up"
        if channel is not None:
            text = channel.recipient(address.address, one.language).shown
        addresses.append(AddressView(channel=address.channel, shown=text))
    said = one.model_dump(mode="json", exclude={"channels", "unsubscribed_at"})
    return SubscriberView(subscriber=said, addresses=addresses)


def checked(one: Subscriber, channels: Mapping[str, Channel]) -> None:
    """Raise AddressError for an address that its channel cannot send to; the message holds no secret."""
    for address in one.channels:
        channel = channels.get(address.channel)
        if channel is None:
            names = ", ".join(sorted(set(channels) - {"topic"}))
            raise AddressError(
                f"通道 {address.channel} 未设置 · channel {address.channel} is not set up; there are: {names}"
                " (mail needs MINMAI_SMTP_HOST and MINMAI_MAIL_FROM)"
            )
        channel.recipient(address.address, one.language)
