"""Data as an installation has it."""

from pathlib import Path

import pytest

from services.platform.migrations import migrate
from tests.deploy.engine import served


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data whose schema minmai_schema has made, with no more rights than it has."""
    made = tmp_path_factory.mktemp("installation")
    with served(made, "minmai_schema") as settings:
        assert migrate(settings).applied
        assert not migrate(settings).applied
    return made
