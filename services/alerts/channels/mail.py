"""E-mail over SMTP.

The standard library's smtplib, in a thread: it gives the code and text of every answer, speaks STARTTLS and
TLS, and needs no further dependency. Its blocking costs one of a few threads that do nothing else, so a
server that never answers holds up mail and nothing besides; a connection is made for each attempt, because
relays close idle ones.
"""

import asyncio
import re
import smtplib
import ssl
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from email.headerregistry import Address, BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime
from typing import Literal
from uuid import UUID

import orjson
from pydantic import SecretStr

from schemas.alert import AlertChange
from services.alerts import templates
from services.alerts.channels import AddressError, Language, Limits, Notice, Outcome, Recipient, Why

TIMEOUT_SECONDS = 20.0
TEXT_BYTES = 1_000_000
_LONGEST_SECONDS = 60.0
_AT_ONCE = 8

ADDRESS = r"[!-?A-~]+@[A-Za-z0-9.-]+"
"""Printable ASCII but for @."""

Security = Literal["none", "starttls", "tls"]


class _Whole(UnstructuredHeader, BaseHeader):
    """A header of one address, which mail programs want as it is: the standard library would encode one that
    is longer than a line."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


_HEADERS = HeaderRegistry()
_HEADERS.map_to_type("list-unsubscribe", _Whole)
_POLICY = SMTP.clone(header_factory=_HEADERS)


@dataclass(frozen=True)
class Relay:
    """The SMTP server that takes our mail; without `user` there is no login."""

    host: str
    port: int
    security: Security
    user: str
    password: SecretStr


class Mail:
    """Sends each recipient a message of its own."""

    name = "mail"
    limits = Limits(bytes=TEXT_BYTES)
    alike = True

    def __init__(
        self, relay: Relay, sender: str, leave: Callable[[str], str | None] = lambda _subscriber: None
    ) -> None:
        """`leave` gives the address that ends a subscription, if there is one."""
        self._relay = relay
        self._sender = sender
        self._leave = leave
        self._threads = ThreadPoolExecutor(_AT_ONCE, "mail")

    def recipient(self, address: str, language: Language = "both") -> Recipient:
        """An e-mail address, of ASCII: others need a server with SMTPUTF8."""
        if not re.fullmatch(ADDRESS, address):
            raise AddressError(f"{address}: 不是邮件地址 · is no e-mail address")
        return Recipient(address, address, language)

    def payload(self, notice_id: UUID, changes: Sequence[AlertChange], to: Recipient, why: Why) -> bytes:
        """Subject and text as JSON: in its wire form, Chinese could not be read in the ledger."""
        letter = templates.letter(changes, to.language, why)
        subject, text = orjson.dumps(letter.title), letter.pieces(TEXT_BYTES)
        return b"".join([b'{"subject":', subject, b',"text":', *text, b"}"])

    async def send(self, notice: Notice, to: Recipient) -> Outcome:
        """Answers below 400 are delivery, 4xx may pass, 5xx to the message itself refuses for good.

        A 5xx before the message (greeting, TLS, login) is about our settings, which somebody can mend: the
        notice waits.
        """
        message = self._message(notice, to)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):  # of all answers together
                return await loop.run_in_executor(self._threads, self._send, message, to.address)
        except TimeoutError:
            return Outcome("retry", f"no end within {_LONGEST_SECONDS:g} s")

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _message(self, notice: Notice, to: Recipient) -> EmailMessage:
        said = orjson.loads(notice.payload)
        domain = Address(addr_spec=self._sender).domain
        message = EmailMessage(_POLICY)
        message["Message-ID"] = f"<{notice.notice_id}@{domain}>"
        message["Date"] = format_datetime(notice.created_at)
        message["From"] = self._sender
        message["To"] = to.address
        message["Subject"] = said["subject"]
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office replies
        if notice.covers:  # one thread for an alert and its end
            message["References"] = f"<{notice.covers[0].alert_id}@{domain}>"
        if leave := self._leave(notice.subscriber):  # RFC 8058: a button of the mail program
            message["List-Unsubscribe"] = f"<{leave}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(said["text"])
        return message

    def _send(self, message: EmailMessage, recipient: str) -> Outcome:
        outcome: Outcome | None = None
        try:
            with self._session() as session:
                outcome = self._hand_over(session, message, recipient)
        except (smtplib.SMTPException, OSError) as error:
            if outcome is None:  # else only the goodbye failed
                outcome = Outcome("retry", f"{type(error).__name__}: {error}")
        return outcome

    def _hand_over(self, session: smtplib.SMTP, message: EmailMessage, recipient: str) -> Outcome:
        session.ehlo_or_helo_if_needed()
        try:
            session.send_message(message, self._sender, [recipient])
        except smtplib.SMTPRecipientsRefused as error:
            return _judge(*error.recipients[recipient])
        except smtplib.SMTPResponseException as error:
            return _judge(error.smtp_code, error.smtp_error)
        return Outcome("delivered", "250 accepted")

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        relay = self._relay
        if relay.security == "tls":
            session: smtplib.SMTP = smtplib.SMTP_SSL(
                relay.host, relay.port, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context()
            )
        else:
            session = smtplib.SMTP(relay.host, relay.port, timeout=TIMEOUT_SECONDS)
        with session:
            if relay.security == "starttls":
                session.starttls(context=ssl.create_default_context())
            if relay.user:
                session.login(relay.user, relay.password.get_secret_value())
            yield session


def _judge(code: int, text: bytes | str) -> Outcome:
    words = text.decode(errors="replace") if isinstance(text, bytes) else text
    return Outcome("refused" if code >= 500 else "retry", f"{code} {words}")
