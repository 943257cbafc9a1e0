"""The compose file as Compose sees it: anchors and merges resolved, variables left as they are written."""

from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy"
FILE = FOLDER / "docker-compose.yml"


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load(FILE.read_text()))


def services() -> dict[str, dict[str, Any]]:
    return dict(compose()["services"])


def is_job(service: dict[str, Any]) -> bool:
    """Whether it ends by itself."""
    return bool(service["restart"].startswith("on-failure"))


def image_of(name: str) -> tuple[str, str]:
    """Image and tag of a service."""
    image, _, tag = services()[name]["image"].rpartition(":")
    return image, tag
