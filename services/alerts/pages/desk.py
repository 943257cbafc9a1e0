"""What can be done with a link; page and API do the same."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID, uuid4

from pydantic import Field

from schemas.fields import Contract
from services.alerts.channels import Channel
from services.alerts.links import BadLink, Link, Links
from services.alerts.pages.news import Firing, News, Sent
from services.alerts.pages.wishes import BadWish, Wishes, fulfilled, wishes_of
from services.alerts.routing.names import UnknownName, known
from services.alerts.routing.orders import Silence
from services.alerts.routing.store import Store, UnknownOrder
from services.alerts.routing.subscriber import Subscriber
from services.alerts.routing.views import AddressView, shown
from services.platform.errors import MinmaiError, Unavailable
from services.platform.plan import Plan

MOST_HOURS = 168
"""How long a subscriber may silence an alert."""


class Mine(Contract):
    """A subscription, what fires now of what it means, and what was sent of late."""

    id: str
    name: str
    reached: list[AddressView]
    wishes: Wishes
    firing: list[Firing]
    sent: list[Sent]


class Taken(Contract):
    """An acknowledgement: somebody takes an alert on."""

    alert_id: UUID
    author: Annotated[str, Field(max_length=200, description="empty: the subscriber's name")] = ""
    note: Annotated[str, Field(max_length=1_000)] = ""


class Hush(Contract):
    """A silence of one alert, from now on."""

    alert_id: UUID
    hours: Annotated[int, Field(ge=1, le=MOST_HOURS)]
    reason: Annotated[str, Field(min_length=1, max_length=1_000)]
    author: Annotated[str, Field(max_length=200, description="empty: the subscriber's name")] = ""


class NotYours(MinmaiError):
    """An alert that does not fire, or that the subscriber does not hear of."""


class ExpiredLink(MinmaiError):
    """A link that no longer holds."""


@dataclass(frozen=True)
class Desk:
    """Every method takes a link's token, and blocks.

    They raise BadLink, ExpiredLink, UnknownOrder for who is not subscribed, NotYours, BadWish, UnknownName,
    Unavailable.
    """

    plan: Plan
    links: Links
    store: Store
    news: News
    channels: Mapping[str, Channel]
    now: Callable[[], datetime]

    def mine(self, token: str) -> Mine:
        one = self._subscriber(token)
        return Mine(
            id=one.id,
            name=one.name,
            reached=shown(one, self.channels).addresses,
            wishes=wishes_of(one),
            firing=self.news.firing(one, self.now()),
            sent=self.news.sent(one.id),
        )

    def wish(self, token: str, wishes: Wishes) -> None:
        one = self._subscriber(token)
        known(wishes.model_dump(), self.plan)
        self.store.subscribe(fulfilled(one, wishes), one.name)

    def acknowledge(self, token: str, taken: Taken) -> None:
        one = self._hearer(token, taken.alert_id)
        self.store.acknowledge(taken.alert_id, taken.author.strip() or one.name, taken.note)

    def silence(self, token: str, hush: Hush) -> None:
        one = self._hearer(token, hush.alert_id)
        author, now = hush.author.strip() or one.name, self.now()
        silence = Silence(
            id=uuid4(),
            author=author,
            reason=hush.reason,
            begins=now,
            ends=now + timedelta(hours=hush.hours),
            alerts=[hush.alert_id],
        )
        self.store.silence(silence, author)

    def unsubscribe(self, token: str) -> None:
        one = self._subscriber(token, ever=True)
        self.store.unsubscribe(one.id, one.name)

    def whose(self, token: str) -> Subscriber:
        """Whom a link of any age lets unsubscribe."""
        return self._subscriber(token, ever=True)

    def _hearer(self, token: str, alert_id: UUID) -> Subscriber:
        one = self._subscriber(token)
        if not self.news.is_theirs(one, alert_id, self.now()):
            raise NotYours("该告警已结束，或不在您的订阅内 · this alert is over, or is not one you hear of")
        return one

    def _subscriber(self, token: str, *, ever: bool = False) -> Subscriber:
        link = self.links.read(token)
        if link.expired(self.now()) and not ever:
            raise ExpiredLink(
                "链接已过期，请用最近一封通知中的链接 · the link has expired: take that of the newest notice"
            )
        one = self.store.subscriber(link.subscriber)
        if _made_before(link, one):
            raise BadLink("链接已失效 · the link no longer holds: the subscription was made anew")
        return one


def _made_before(link: Link, one: Subscriber) -> bool:
    """Links know whole seconds."""
    return link.signed_at < one.created_at.replace(microsecond=0)


STATUS: dict[type[MinmaiError], int] = {
    BadLink: 403,
    ExpiredLink: 410,
    UnknownOrder: 404,
    NotYours: 409,
    BadWish: 422,
    UnknownName: 422,
    Unavailable: 503,
}
"""The HTTP status of what a desk may raise."""
FORESEEN = tuple(STATUS)
