"""What tests of the sample share."""

from pathlib import Path

import pytest

from services.platform.plan import Plan
from tests.e2e.small_county import small_plan


@pytest.fixture
def small(tmp_path: Path) -> Plan:
    """A county of two townships, one without urban communities; Yanshan's indicators and targets."""
    return small_plan(tmp_path / "plan")
