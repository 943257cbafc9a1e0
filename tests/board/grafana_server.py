"""A stand-in for Grafana, of which tests can have none: what its HTTP API is documented to take and refuse.

From the public documentation of Grafana 12 and 13 (HTTP API: folders, dashboards, data sources, alerting)
and of the ClickHouse plugin. Bodies are checked against the documented fields, and what is given back is
written as Grafana writes it: with defaults, durations in its own words, secrets hidden, no body after a
deletion. Whether a rule fires is told by the documented meaning of its threshold expression.
"""

import base64
import json
import math
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote

from pydantic import ValidationError

from tests.board.grafana_bodies import AlertRule, Body, ContactPoint, Folder, Route, Saved, Source

PLUGIN = "grafana-clickhouse-datasource"

NEEDED = {"email": "addresses", "webhook": "url", "dingding": "url", "wecom": "url"}
SECRET = {"dingding": "url", "wecom": "url"}
"""What it does not give back; of some channels, and in which version, differs."""
HIDDEN = "[REDACTED]"


class Refusal(Exception):
    """An answer that is no."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class GrafanaServer:
    """One organisation of one Grafana. `calls` has what was asked for, `writes` what was to be changed."""

    def __init__(
        self, *, prefix: str = "", version: str = "12.2.1", plugins: tuple[str, ...] = (PLUGIN,)
    ) -> None:
        self.version = version
        self.plugins = plugins
        self.token = "glsa_right"
        self.user = ("admin", "secret")
        self.role = "Admin"
        self.hides_version = False
        self.hides_secrets = True
        self.page: bytes | None = None  # what a proxy with a login of its own answers to everything
        self.calls: list[str] = []
        self.folders: dict[str, dict[str, Any]] = {}
        self.sources: dict[str, dict[str, Any]] = {}
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.provisioned: set[str] = set()
        self.rules: dict[str, dict[str, Any]] = {}
        self.contacts: dict[str, dict[str, Any]] = {
            "default": {
                "uid": "default",
                "name": "grafana-default-email",
                "type": "email",
                "settings": {"addresses": "<example@email.com>"},
                "disableResolveMessage": False,
            }
        }
        self.policies: dict[str, Any] = {
            "receiver": "grafana-default-email",
            "group_by": ["grafana_folder", "alertname"],
        }
        self.intervals: dict[str, int] = {}
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def answer(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                raw = self.rfile.read(length)
                if server.page is not None:
                    return self.send(200, server.page, "text/html; charset=utf-8")
                path = self.path.removeprefix(prefix)
                if path == self.path and prefix:
                    return self.send(404, b"<html>no message here</html>", "text/html")
                try:
                    status, body = server.handle(self.command, path, raw, dict(self.headers))
                except Refusal as refusal:
                    status, body = refusal.status, {"message": str(refusal)}
                sent = b"" if status == 204 else json.dumps(body).encode()
                return self.send(status, sent, "application/json")

            def send(self, status: int, body: bytes, type: str) -> None:
                self.send_response(status)
                if body:
                    self.send_header("Content-Type", type)
                if status != 204:
                    self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_DELETE = answer

            def log_message(self, format: str, *args: object) -> None:
                """Pytest's output is for failures."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}{prefix}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def writes(self) -> list[str]:
        return [call for call in self.calls if not call.startswith("GET")]

    def handle(self, method: str, path: str, raw: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        self.calls.append(f"{method} {path}")
        if path == "/api/health":
            shown = {} if self.hides_version else {"version": self.version}
            return 200, {"database": "ok", **shown}
        self._login(headers.get("Authorization", ""))
        if self.role != "Admin" and (
            method != "GET" or path.startswith(("/api/plugins", "/api/datasources"))
        ):
            raise Refusal(403, "You'll need additional permissions to perform this action.")
        body = json.loads(raw) if raw and raw != b"null" else None
        editable = headers.get("X-Disable-Provenance") == "true"
        for pattern, handler in _ROUTES:
            if found := re.fullmatch(pattern, path):
                return handler(self, method, [unquote(one or "") for one in found.groups()], body, editable)
        raise Refusal(404, "Not found")

    def evaluate(self, uid: str, value: float | None, firing: bool) -> bool:
        """Whether a rule is broken by a number, having been so or not: its threshold expression's meaning.

        A NULL is NaN. A dimension that fires stays so until its `unloadEvaluator` holds.
        """
        [condition] = self.rules[uid]["data"][1]["model"]["conditions"]
        number = math.nan if value is None else value
        if firing and (unload := condition.get("unloadEvaluator")):
            return not _holds(unload, number)
        return _holds(condition["evaluator"], number)

    def _login(self, given: str) -> None:
        if given == f"Bearer {self.token}":
            return
        if given == "Basic " + base64.b64encode(":".join(self.user).encode()).decode():
            return
        raise Refusal(
            401, "Invalid API key" if given.startswith("Bearer") else "Invalid username or password"
        )

    def _frontend(self, method: str, names: list[str], body: Any, editable: bool) -> tuple[int, Any]:
        return 200, {"buildInfo": {"version": self.version}}

    def _org(self, method: str, names: list[str], body: Any, editable: bool) -> tuple[int, Any]:
        return 200, {"id": 1, "name": "Main Org."}

    def _plugin(self, method: str, names: list[str], body: Any, editable: bool) -> tuple[int, Any]:
        if names[0] not in self.plugins:
            raise Refusal(404, "Plugin not found, no installed plugin with that id")
        return 200, {"id": names[0], "enabled": True}

    def _folder(self, method: str, names: list[str], body: Any, editable: bool) -> tuple[int, Any]:
        if method == "POST":
            made = _checked(Folder, body)
            if made["uid"] in self.folders:
                raise Refusal(409, "a folder with the same uid already exists")
            self.folders[made["uid"]] = {"uid": made["uid"], "title": made["title"], "version": 1}
            return 200, self.folders[made["uid"]]
        found = self.folders.get(names[0])
        if found is None:
            raise Refusal(404, "folder not found")
        if method == "PUT":
            changed = _checked(Folder, body)
            if not changed["overwrite"]:
                raise Refusal(412, "the folder has been changed by someone else")
            found.update(title=changed["title"], version=found["version"] + 1)
        return 200, found

    def _source(self, method: str, names: list[str], body: Any, editable: bool) -> tuple[int, Any]:
        if method == "GET":
            found = self.sources.get(names[0])
            if found is None:
                raise Refusal(404, "Data source not found")
            shown = {key: value for key, value in found.items() if key != "secureJsonData"}
            kept = {key: True for key, value in found["secureJsonData"].items() if value}
            return 200, {"id": 1, "orgId": 1, "readOnly": False, **shown, "secureJsonFields": kept}
        made = _checked(Source, body)
        if method == "PUT" and names[0] not in self.sources:
            raise Refusal(404, "Data source not found")
        if any(one["name"] == made["name"] and uid != made["uid"] for uid, one in self.sources.items()):
            raise Refusal(409, "data source with the same name already exists")
        self.sources[made["uid"]] = made
        return 200, {"id": 1, "name": made["name"], "message": "Datasource added", "datasource": {}}

    def _save(self, method: str, names: list[str], body: Any, editable: bool) -> tuple[int, Any]:
        made = _checked(Saved, body)
        uid = made["dashboard"]["uid"]
        if made["folderUid"] not in self.folders:
            raise Refusal(400, "folder not found")
        if uid in self.provisioned:
            raise Refusal(400, "Cannot save provisioned dashboard")
        there = self.dashboards.get(uid)
        if there and not made["overwrite"]:
            raise Refusal(412, "The dashboard has been changed by someone else")
        version = there["dashboard"]["version"] + 1 if there else 1
        kept = {**body["dashboard"], "id": len(self.dashboards) + 1, "version": version, "schemaVersion": 42}
        self.dashboards[uid] = {"dashboard": kept, "meta": {"folderUid": made["folderUid"]}}
        return 200, {"uid": uid, "status": "success", "version": version}

    def _dashboard(self, method: str, names: list[str], body: Any, editable: bool) -> tuple[int, Any]:
        found = self.dashboards.get(names[0])
        if found is None:
            raise Refusal(404, "Dashboard not found")
        if method == "DELETE":
            del self.dashboards[names[0]]
            return 200, {"title": found["dashboard"]["title"], "message": "deleted"}
        return 200, found

    def _search(self, method: str, names: list[str], body: Any, editable: bool) -> tuple[int, Any]:
        asked = parse_qs(names[0])
        limit, page = int(asked["limit"][0]), int(asked["page"][0])
        if asked["type"] != ["dash-db"] or not 1 <= limit <= 5000:
            raise Refusal(422, "bad search")
        every = [
            {"uid": uid, "title": one["dashboard"]["title"], "type": "dash-db", **one["meta"]}
            for uid, one in sorted(self.dashboards.items())
        ]
        return 200, every[(page - 1) * limit : page * limit]

    def _rules(self, method: str, names: list[str], body: Any, editable: bool) -> tuple[int, Any]:
        if method == "GET":
            return 200, list(self.rules.values())
        if method == "DELETE":
            self.rules.pop(names[0], None)
            return 204, None
        made = _checked(AlertRule, body)
        there = self.rules.get(made["uid"])
        if method == "POST" and there:
            raise Refusal(409, "conflicting alert rule found: rule with the same UID")
        if method == "PUT" and (there is None or names[0] != made["uid"]):
            raise Refusal(404, "could not find alert rule")
        if there and there["provenance"] and editable:
            raise Refusal(409, f"alert rule was made with provenance '{there['provenance']}', not ''")
        self._check_rule(made)
        self.rules[made["uid"]] = {
            **made,
            "id": len(self.rules) + 1,
            "for": _written(made["for"]),
            "keep_firing_for": _written(made["keep_firing_for"]),
            "updated": "2026-11-26T00:00:00Z",
            "provenance": "" if editable else "api",
            "notification_settings": None,
            "record": None,
        }
        return (201 if method == "POST" else 200), self.rules[made["uid"]]

    def _check_rule(self, made: dict[str, Any]) -> None:
        if made["folderUID"] not in self.folders:
            raise Refusal(400, "invalid alert rule: folder does not exist")
        same = [
            one["uid"]
            for one in self.rules.values()
            if (one["folderUID"], one["title"]) == (made["folderUID"], made["title"])
        ]
        if set(same) - {made["uid"]}:
            raise Refusal(409, "invalid alert rule: a rule with this title exists in the folder")
        names = [one["refId"] for one in made["data"]]
        if made["condition"] not in names or len(set(names)) != len(names):
            raise Refusal(400, "invalid alert rule: condition is none of the queries")
        for query in made["data"]:
            expression = query["datasourceUid"] == "__expr__"
            if not expression and query["datasourceUid"] not in self.sources:
                raise Refusal(400, "invalid alert rule: data source not found")
            window = query["relativeTimeRange"]
            if not expression and window["from"] <= window["to"]:
                raise Refusal(400, "invalid alert rule: relative time range has no length")
            if expression and query["model"]["expression"] not in names:
                raise Refusal(400, "invalid alert rule: expression refers to no query")

    def _group(self, method: str, names: list[str], body: Any, editable: bool) -> tuple[int, Any]:
        folder, group = names
        inside = [
            one for one in self.rules.values() if (one["folderUID"], one["ruleGroup"]) == (folder, group)
        ]
        if not inside:
            raise Refusal(404, "rule group not found")
        if method == "PUT":
            # The group becomes what is sent: rules that are left out are deleted.
            self.intervals[group] = body["interval"]
            sent = {one["uid"] for one in body["rules"]}
            for one in inside:
                if one["uid"] not in sent:
                    del self.rules[one["uid"]]
        return 200, {
            "title": group,
            "folderUid": folder,
            "interval": self.intervals.get(group, 60),
            "rules": inside,
        }

    def _contacts(self, method: str, names: list[str], body: Any, editable: bool) -> tuple[int, Any]:
        if method == "GET":
            return 200, [self._hidden(one) for one in self.contacts.values()]
        if method == "DELETE":
            gone = self.contacts.get(names[0])
            others = [one for one in self.contacts.values() if gone and one["name"] == gone["name"]]
            if gone and len(others) == 1 and gone["name"] in _receivers(self.policies):
                raise Refusal(409, "contact point is in use by a notification policy")
            self.contacts.pop(names[0], None)
            return 202, {"message": "contactpoint deleted"}
        made = _checked(ContactPoint, body)
        if not made["settings"].get(NEEDED[made["type"]]):
            raise Refusal(400, f"invalid contact point: {NEEDED[made['type']]} is missing")
        if method == "POST" and made["uid"] in self.contacts:
            raise Refusal(409, "contact point with the same uid exists")
        if method == "PUT" and made["uid"] not in self.contacts:
            raise Refusal(404, "contact point not found")
        self.contacts[made["uid"]] = made
        return 202, self._hidden(made) if method == "POST" else {"message": "contactpoint updated"}

    def _hidden(self, contact: dict[str, Any]) -> dict[str, Any]:
        secret = SECRET.get(contact["type"]) if self.hides_secrets else None
        settings = {key: HIDDEN if key == secret else value for key, value in contact["settings"].items()}
        return {**contact, "settings": settings, "provenance": ""}

    def _tree(self, method: str, names: list[str], body: Any, editable: bool) -> tuple[int, Any]:
        if method == "GET":
            return 200, self.policies
        made = _checked(Route, body)
        known = {one["name"] for one in self.contacts.values()}
        if not made["receiver"] or _receivers(made) - known:
            raise Refusal(400, "invalid object specification: receiver does not exist")
        self.policies = {**body, "provenance": "" if editable else "api"}
        return 202, {"message": "policies updated"}


_ROUTES: list[tuple[str, Callable[..., tuple[int, Any]]]] = [
    (r"/api/frontend/settings", GrafanaServer._frontend),
    (r"/api/org", GrafanaServer._org),
    (r"/api/plugins/([^/]+)/settings", GrafanaServer._plugin),
    (r"/api/folders(?:/([^/]+))?", GrafanaServer._folder),
    (r"/api/datasources(?:/uid/([^/]+))?", GrafanaServer._source),
    (r"/api/dashboards/db", GrafanaServer._save),
    (r"/api/dashboards/uid/([^/]+)", GrafanaServer._dashboard),
    (r"/api/search\?(.*)", GrafanaServer._search),
    (r"/api/v1/provisioning/alert-rules(?:/([^/]+))?", GrafanaServer._rules),
    (r"/api/v1/provisioning/folder/([^/]+)/rule-groups/([^/]+)", GrafanaServer._group),
    (r"/api/v1/provisioning/contact-points(?:/([^/]+))?", GrafanaServer._contacts),
    (r"/api/v1/provisioning/policies", GrafanaServer._tree),
]


def _checked(model: type[Body], body: Any) -> dict[str, Any]:
    try:
        return model.model_validate_json(json.dumps(body)).model_dump(mode="json", by_alias=True)
    except ValidationError as error:
        raise Refusal(400, f"invalid object specification: {error}") from error


def _receivers(route: dict[str, Any]) -> set[str]:
    inner = [_receivers(one) for one in route.get("routes") or []]
    return {route["receiver"]}.union(*inner) if route.get("receiver") else set().union(*inner)


def _written(length: str) -> str:
    """A duration as Prometheus' library writes it: 604800s is 1w, 5400s is 1h30m."""
    sizes = {"w": 604_800_000, "d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}
    left = sum(int(number) * sizes[unit] for number, unit in re.findall(r"(\d+)(ms|[smhdw])", length))
    if not left:
        return "0s"
    for unit in ("w", "d"):
        if left % sizes[unit] == 0:
            return f"{left // sizes[unit]}{unit}"
    text = ""
    for unit, size in sizes.items():
        if unit != "w" and left >= size:
            text += f"{left // size}{unit}"
            left %= size
    return text


def _holds(evaluator: dict[str, Any], number: float) -> bool:
    first, last = evaluator["params"][0], evaluator["params"][-1]
    return {
        "gt": number > first,
        "lt": number < first,
        "eq": number == first,
        "ne": number != first,
        "gte": number >= first,
        "lte": number <= first,
        "within_range": first < number < last,
        "outside_range": number < first or number > last,
        "within_range_included": first <= number <= last,
        "outside_range_included": number <= first or number >= last,
    }[str(evaluator["type"])]
