"""Brings Grafana in line with what is declared: what has to be done, and doing it.

Everything of ours has an id of its own, fixed by what it is, that begins with the county's prefix. So
publishing twice changes nothing, and what is no longer declared is found and taken away; what others made
is left alone.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from services.board.grafana.client import Grafana, part
from services.board.grafana.declared import Declared
from services.board.grafana.difference import differences, hides

Action = Literal["create", "update", "rewrite", "delete"]

_RULES = "/v1/provisioning/alert-rules"
_CONTACTS = "/v1/provisioning/contact-points"
_POLICIES = "/v1/provisioning/policies"
_DASHBOARDS = "/dashboards/uid"
_PAGE = 1000
_Body = dict[str, Any]


@dataclass(frozen=True)
class Step:
    """One thing to be done. `rewrite`: Grafana hides a part, so that it cannot be compared."""

    action: Action
    kind: str
    name: str
    why: list[str]
    run: Callable[[], object]


def steps(grafana: Grafana, declared: Declared) -> list[Step]:
    """Return what has to be done, in the order in which it can be; only reads. Raises GrafanaError."""
    contacts = _ours(grafana.get(_CONTACTS), declared.prefix)
    rules = _ours(grafana.get(_RULES), declared.prefix)
    boards = _ours(list(_found(grafana)), declared.prefix)
    return [
        *_folder(grafana, declared),
        *_source(grafana, declared),
        *_kept(grafana, "contact point", _CONTACTS, declared.contact_points, contacts),
        *_policy(grafana, declared),
        *_kept(grafana, "alert rule", _RULES, declared.rules, rules),
        *_dashboards(grafana, declared),
        *_groups(grafana, declared, {rule["ruleGroup"] for rule in rules.values()}),
        *_gone(grafana, "alert rule", _RULES, declared.rules, rules),
        *_gone(grafana, "contact point", _CONTACTS, declared.contact_points, contacts),
        *_gone(grafana, "dashboard", _DASHBOARDS, declared.dashboards, boards),
    ]


def _folder(grafana: Grafana, declared: Declared) -> Iterator[Step]:
    wanted = declared.folder
    path = f"/folders/{part(wanted['uid'])}"
    found = grafana.find(path)
    if found is None:
        yield Step("create", "folder", wanted["title"], [], partial(grafana.post, "/folders", wanted))
    elif why := list(differences(wanted, found)):
        changed = {**wanted, "overwrite": True}
        yield Step("update", "folder", wanted["title"], why, partial(grafana.put, path, changed))


def _source(grafana: Grafana, declared: Declared) -> Iterator[Step]:
    wanted = declared.source
    path = f"/datasources/uid/{part(wanted['uid'])}"
    found = grafana.find(path)
    if found is None:
        yield Step("create", "data source", wanted["name"], [], partial(grafana.post, "/datasources", wanted))
        return
    open_part = {key: value for key, value in wanted.items() if key != "secureJsonData"}
    why = list(differences(open_part, found))
    secret = wanted["secureJsonData"]["password"] or (found.get("secureJsonFields") or {}).get("password")
    if why or secret:
        action: Action = "update" if why else "rewrite"
        yield Step(action, "data source", wanted["name"], why, partial(grafana.put, path, wanted))


def _kept(
    grafana: Grafana, kind: str, path: str, wanted: list[_Body], found: dict[str, _Body]
) -> Iterator[Step]:
    for one in wanted:
        name = one.get("title") or f"{one['name']} {one['type']}"
        there = found.get(one["uid"])
        if there is None:
            yield Step("create", kind, name, [], partial(grafana.post, path, one))
            continue
        why = list(differences(one, there))
        if why or hides(one, there):
            action: Action = "update" if why else "rewrite"
            yield Step(action, kind, name, why, partial(grafana.put, f"{path}/{part(one['uid'])}", one))


def _dashboards(grafana: Grafana, declared: Declared) -> Iterator[Step]:
    folder = declared.folder["uid"]
    for one in declared.dashboards:
        body = {"dashboard": one, "folderUid": folder, "overwrite": True, "message": "minmai grafana publish"}
        run = partial(grafana.post, "/dashboards/db", body)
        found = grafana.find(f"{_DASHBOARDS}/{part(one['uid'])}")
        if found is None:
            yield Step("create", "dashboard", one["title"], [], run)
            continue
        # Which version of its format it is kept in is Grafana's business.
        wanted = {key: value for key, value in one.items() if key != "schemaVersion"}
        there = {**found["dashboard"], "folder": found["meta"].get("folderUid")}
        if why := list(differences({**wanted, "folder": folder}, there)):
            yield Step("update", "dashboard", one["title"], why, run)


def _found(grafana: Grafana) -> Iterator[_Body]:
    """Yield every dashboard of the organisation."""
    page = 1
    while found := grafana.get(f"/search?type=dash-db&limit={_PAGE}&page={page}"):
        yield from found
        page += 1


def _gone(
    grafana: Grafana, kind: str, path: str, wanted: list[_Body], found: dict[str, _Body]
) -> Iterator[Step]:
    declared = {one["uid"] for one in wanted}
    for uid, there in found.items():
        if uid not in declared:
            name = there.get("title") or f"{there['name']} {there['type']}"
            yield Step("delete", kind, name, [], partial(grafana.delete, f"{path}/{part(uid)}"))


def _policy(grafana: Grafana, declared: Declared) -> Iterator[Step]:
    """Set our branch of the tree, which is one document of the whole organisation."""
    tree = grafana.get(_POLICIES)
    routes = list(tree.get("routes") or [])
    ours = [index for index, one in enumerate(routes) if declared.is_ours(one)]
    there = [routes[index] for index in ours]
    wanted = [declared.route] if declared.route else []
    why = list(differences(wanted, there)) if len(there) == len(wanted) else []
    if len(there) == len(wanted) and not why:
        return
    # Where it was it stays; a new one goes first, before any that would take everything.
    at = ours[0] if ours else 0
    others = [one for one in routes if not declared.is_ours(one)]
    changed = {key: value for key, value in tree.items() if key != "provenance"}
    changed["routes"] = [*others[:at], *wanted, *others[at:]]
    action: Action = "delete" if not wanted else "update" if there else "create"
    yield Step(action, "notification policy", declared.name, why, partial(grafana.put, _POLICIES, changed))


def _groups(grafana: Grafana, declared: Declared, there: set[str]) -> Iterator[Step]:
    """Set how often groups are evaluated; a new one is as often as is wanted, by Grafana's own default."""
    for group in sorted(there & {rule["ruleGroup"] for rule in declared.rules}):
        path = f"/v1/provisioning/folder/{part(declared.folder['uid'])}/rule-groups/{part(group)}"
        found = grafana.find(path)
        if found is not None and found["interval"] != declared.interval:
            why = [f"interval: {found['interval']} s → {declared.interval} s"]
            run = partial(_set_interval, grafana, path, declared.interval)
            yield Step("update", "rule group", group, why, run)


def _set_interval(grafana: Grafana, path: str, seconds: int) -> None:
    grafana.put(path, {**grafana.get(path), "interval": seconds})


def _ours(found: list[_Body], prefix: str) -> dict[str, _Body]:
    return {one["uid"]: one for one in found if str(one.get("uid", "")).startswith(prefix)}
