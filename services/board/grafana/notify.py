"""Whom Grafana tells: the contact points, and the route of our alerts to them."""

from typing import Any

from services.board.grafana.settings import GrafanaSettings

_TEXT = (
    '{{ range .Alerts }}{{ if eq .Status "firing" }}【告警】{{ else }}【解除】{{ end }}'
    "{{ .Annotations.summary }}\n{{ .Annotations.description }}\n{{ .Annotations.board }}\n{{ end }}"
)
"""Short, for robots refuse what is long."""

_REPEAT = {"critical": "4h", "warning": "1d", "info": "1w"}


def contact_points(settings: GrafanaSettings, prefix: str, name: str) -> list[dict[str, Any]]:
    """Return one contact point named `name`, with an integration for each address that is set."""
    found: list[tuple[str, str, dict[str, Any]]] = []
    if settings.mail_recipients:
        addresses = ";".join(settings.mail_recipients)
        found.append(("mail", "email", {"addresses": addresses, "singleEmail": False, "message": _TEXT}))
    if settings.grafana_webhook_url:
        found.append(("webhook", "webhook", {"url": settings.grafana_webhook_url, "httpMethod": "POST"}))
    if url := settings.grafana_dingtalk_url.get_secret_value():
        found.append(("dingtalk", "dingding", {"url": url, "msgType": "link", "message": _TEXT}))
    if url := settings.grafana_wecom_url.get_secret_value():
        found.append(("wecom", "wecom", {"url": url, "message": _TEXT}))
    return [
        {
            "uid": f"{prefix}{key}",
            "name": name,
            "type": kind,
            "settings": given,
            "disableResolveMessage": False,
        }
        for key, kind, given in found
    ]


def matcher(county: str) -> list[str]:
    """Return the matcher by which our route is known among others."""
    return ["minmai", "=", county]


def route(county: str, receiver: str) -> dict[str, Any]:
    """Return the route of our alerts: one message a rule, in however many places; repeated by severity."""
    return {
        "receiver": receiver,
        "object_matchers": [matcher(county)],
        "group_by": ["grafana_folder", "minmai_rule"],
        "group_wait": "30s",
        "group_interval": "5m",
        "repeat_interval": _REPEAT["warning"],
        "routes": [
            {
                "receiver": receiver,
                "object_matchers": [["severity", "=", severity]],
                "group_by": ["grafana_folder", "minmai_rule"],
                "group_wait": "30s",
                "group_interval": "5m",
                "repeat_interval": repeat,
            }
            for severity, repeat in _REPEAT.items()
            if severity != "warning"
        ],
    }
