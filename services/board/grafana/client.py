"""The one door to Grafana: the library grafana-api, by its low-level calls.

The library is no longer kept up and knows nothing of alerting, so all it does here is to speak HTTP with
either kind of login. Answers are looked at by ourselves: it takes any for JSON, and fails on others (the
empty one to a deletion, a proxy's page).
"""

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlsplit

from grafana_api.grafana_api import GrafanaException
from grafana_api.grafana_face import GrafanaFace
from requests import RequestException, Response

from services.board.grafana.settings import GrafanaSettings
from services.platform.errors import MinmaiError

OLDEST = (12, 0)
"""The first Grafana whose rules keep firing for a while and compare with "or equal"."""
PLUGIN = "grafana-clickhouse-datasource"

_SECONDS = 30.0
_EDITABLE = {"X-Disable-Provenance": "true"}
"""What is made with this stays open to people's hands in Grafana; the next publication sets it right."""


class GrafanaError(MinmaiError):
    """Grafana does not do what it was asked to; the message says what to do about it."""


class Refused(GrafanaError):
    """Grafana answered, and said no."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Grafana:
    """Speaks to one organisation of one Grafana."""

    def __init__(self, settings: GrafanaSettings) -> None:
        self.url = settings.grafana_url
        self._login = "MINMAI_GRAFANA_USER, MINMAI_GRAFANA_PASSWORD"
        auth: str | tuple[str, str] = (
            settings.grafana_user,
            settings.grafana_password.get_secret_value(),
        )
        if token := settings.grafana_token.get_secret_value():
            self._login, auth = "MINMAI_GRAFANA_TOKEN", token
        parts = urlsplit(self.url)
        path = parts.path.strip("/")
        self._api = GrafanaFace(
            auth,
            host=parts.netloc,
            protocol=parts.scheme,
            url_path_prefix=f"{path}/" if path else "",
            verify=settings.grafana_verify,
            timeout=_SECONDS,
        ).api
        self._answer: Response | None = None
        self._api.s.hooks["response"].append(self._keep)

    def get(self, path: str) -> Any:
        """Return what is there. Raises Refused, GrafanaError."""
        return self._call("GET", path)

    def find(self, path: str) -> Any | None:
        """Return what is there, None if there is nothing. Raises Refused, GrafanaError."""
        try:
            return self.get(path)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def post(self, path: str, body: Any) -> Any:
        """Make something. Raises Refused, GrafanaError."""
        return self._call("POST", path, body)

    def put(self, path: str, body: Any) -> Any:
        """Change something. Raises Refused, GrafanaError."""
        return self._call("PUT", path, body)

    def delete(self, path: str) -> None:
        """Take something away; that it is gone already is as good. Raises Refused, GrafanaError."""
        try:
            self._call("DELETE", path)
        except Refused as refused:
            if refused.status != 404:
                raise

    def check(self) -> str:
        """Return Grafana's version if it can do what is wanted of it.

        Raises GrafanaError for an older one, a login that does not hold, or a missing plugin.
        """
        health = self.find("/health")
        if health is None:
            raise GrafanaError(
                f"{self.url}: 这里没有 Grafana · no Grafana is there (404): is MINMAI_GRAFANA_URL its "
                "address, with its path?"
            )
        version = str(health.get("version") or "")
        if not version:  # a setting of Grafana hides it from who has not logged in
            version = str(self.get("/frontend/settings").get("buildInfo", {}).get("version") or "")
        found = re.match(r"(\d+)\.(\d+)", version)
        if not found:
            raise GrafanaError(f"{self.url}: 无法得知 Grafana 版本 · does not tell its version ({version!r})")
        if (int(found[1]), int(found[2])) < OLDEST:
            wanted = ".".join(map(str, OLDEST))
            raise GrafanaError(
                f"{self.url}: Grafana {version} 太旧，请升级到 {wanted} 或更新版本 · is too old: its alert "
                f"rules cannot keep firing for a while, {wanted} or newer is needed"
            )
        if self.find(f"/plugins/{PLUGIN}/settings") is None:
            raise GrafanaError(
                f"{self.url}: 缺少 ClickHouse 插件 · the ClickHouse plugin is missing: run `grafana cli "
                f"plugins install {PLUGIN}` and restart Grafana, or set GF_PLUGINS_PREINSTALL={PLUGIN}"
            )
        return version

    def organisation(self) -> tuple[int, str]:
        """Return id and name of the organisation that the login belongs to. Raises Refused, GrafanaError."""
        found = self.get("/org")
        return int(found["id"]), str(found["name"])

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        run: Callable[..., Any] = getattr(self._api, method)
        self._answer = None
        try:
            return run(path, json=body, headers=_EDITABLE if method in ("POST", "PUT") else None)
        except RequestException as error:
            # requests' own error for a body that is no JSON is one of these too.
            if self._answer is None:
                raise GrafanaError(
                    f"{self.url} 无法连接 · cannot be reached (MINMAI_GRAFANA_URL): {_reason(error)}"
                ) from error
        except (GrafanaException, ValueError, TypeError) as error:
            if self._answer is None:
                raise GrafanaError(f"{self.url}: {error}") from error
        return self._read(method, path, self._answer)

    def _keep(self, answer: Response, **_: Any) -> None:
        self._answer = answer

    def _read(self, method: str, path: str, answer: Response) -> Any:
        """Make of an answer what the library could not."""
        asked = f"{method} /api{path}"
        if answer.status_code >= 400:
            said = _said(answer)
            told = _ADVICE.get(answer.status_code, "").format(login=self._login)
            raise Refused(
                f"{self.url}: {asked} → {answer.status_code} {said}{'：' if told else ''}{told}",
                answer.status_code,
            )
        if not answer.content:
            return None
        raise GrafanaError(
            f"{self.url}: {asked} 的回答不是 JSON，这是 Grafana 的地址吗 · answers no JSON "
            f"({answer.headers.get('Content-Type', '?')}, {answer.status_code}): is MINMAI_GRAFANA_URL "
            "Grafana's address, with its path, and no other login in front of it?"
        )


def part(text: str) -> str:
    """Return a text as one part of a path."""
    return quote(text, safe="")


_ADVICE = {
    401: "登录无效 · the login does not hold, it is wrong or has expired: {login}",
    403: "权限不足 · not allowed: {login} has to be of role Admin in the organisation",
    409: "与现有内容冲突 · what is there was made in another way (a provisioning file, another tool) or is "
    "in use: take it away there first",
}


def _said(answer: Response) -> str:
    try:
        body = answer.json()
    except ValueError:
        return answer.reason or ""
    if isinstance(body, dict):
        body = body.get("message") or body.get("msg") or body
    return str(body)[:500]


def _reason(error: Exception) -> str:
    cause = getattr(error.args[0], "reason", error) if error.args else error
    return str(cause).splitlines()[0]
