from collections.abc import Iterator

import pytest

from services.platform.settings import Common
from tests.alerts.pages.office import Office


@pytest.fixture
def office(settings: Common) -> Iterator[Office]:
    made = Office(settings)
    yield made
    made.close()
