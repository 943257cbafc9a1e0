"""What all channels that speak HTTP have in common."""

from hashlib import sha256
from urllib.parse import urlsplit

from services.alerts.channels import AddressError, Language, Recipient


def web_recipient(address: str, language: Language) -> Recipient:
    """Read an http(s) URL.

    Its path and query may hold a token, so only its host is shown, with a mark by which two of the same host
    can be told apart. Raises AddressError for what is no such URL or holds a user or password.
    """
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise AddressError(
            "地址须以 http:// 或 https:// 开头 · the address must be an http:// or https:// one"
        )
    if "@" in parts.netloc:
        raise AddressError("地址不得含用户名和密码 · the address must not hold a user or password")
    mark = sha256(address.encode()).hexdigest()[:6]
    return Recipient(address, f"{parts.scheme}://{parts.netloc} #{mark}", language)
