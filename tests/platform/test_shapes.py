"""What a shape calls surely right."""

import pytest

from services.platform.shapes import shape_of


@pytest.mark.parametrize("name", ["a ", " a", "a b", "a/b", "", "a\n", "\u3000a"])
def test_a_name_with_blanks_or_slashes_is_left_to_its_contract(name: str) -> None:
    """Blanks at its ends, which a contract takes away, were taken for those between names."""
    shape = shape_of({"type": "string", "pattern": r"^[^\s/]+$"})
    assert shape.strange([name]) == {name}
    assert shape.strange(["x", name, "y"]) == {name}
    assert shape.strange(["x", None, "y"]) == set()
