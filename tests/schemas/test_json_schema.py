"""The JSON Schemas in the repository: fresh, valid 2020-12, and complete."""

from collections.abc import Iterator
from itertools import product
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ValidationError

from schemas import examples
from schemas.generate import DIALECT, FOLDER, name_of, schemas, text, write
from schemas.streams import STREAMS
from tests.schemas.validating import validator


def test_the_files_are_what_the_contracts_say() -> None:
    """`python -m schemas.generate` writes them anew."""
    found = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert found == {f"{name}.json": text(schema) for name, schema in schemas().items()}


def test_writing_leaves_nothing_superfluous(tmp_path: Any) -> None:
    (tmp_path / "forgotten.json").write_text("{}")
    write(tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == {*STREAMS, "event"}


@pytest.mark.parametrize("name", schemas())
def test_it_is_a_valid_schema(name: str) -> None:
    schema = schemas()[name]
    assert schema["$schema"] == DIALECT
    assert schema["$id"] == name_of(name)
    Draft202012Validator.check_schema(schema)


def fields() -> Iterator[Any]:
    """Every field of every contract and kind."""
    for name, schema in schemas().items():
        for part in (schema, *schema.get("$defs", {}).values()):
            for field, content in part.get("properties", {}).items():
                title = "" if part is schema else f"{part['title']}."
                yield pytest.param(content, id=f"{name}/{title}{field}")


@pytest.mark.parametrize("field", [*fields()])
def test_every_field_is_described_in_both_languages_with_unit_and_limits(field: dict[str, Any]) -> None:
    chinese, separator, english = field["description"].partition(" · ")
    assert separator
    assert any("\u4e00" <= sign <= "\u9fff" for sign in chinese)
    assert any("a" <= sign <= "z" for sign in english)
    for kind in types(field):
        match kind.get("type"):
            case "integer" | "number":
                assert field["x-unit"]
                assert "minimum" in kind
                assert kind.keys() & {"maximum", "exclusiveMaximum"}
            case "string":
                assert kind.keys() & {"maxLength", "pattern", "enum", "const", "format"}


def types(field: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for option in field.get("anyOf", ()):
        yield from types(option)
    if "anyOf" not in field:
        yield field


@pytest.mark.parametrize(
    ("stream", "good", "bad"),
    [
        ("statistic", {"division": "532622101", "value": 5}, {"value": 5.5}),
        ("statistic", {"division": "532622101", "value": 5}, {"division": "532622"}),
        ("statistic", {"division": "532622101", "value": 5}, {"dimension": "elder_care"}),
        (
            "statistic",
            {"division": "532622", "measure": "institutions_rated", "dimension": "childcare", "value": 5},
            {"dimension": "catering"},
        ),
        (
            "statistic",
            {"division": "532622", "measure": "basic_service_measures", "value": 80},
            {"value": 81},
        ),
        ("task-report", {"task": 1, "percent": 100, "status": "done"}, {"percent": 101}),
    ],
)
def test_what_it_refuses(stream: str, good: dict[str, Any], bad: dict[str, Any]) -> None:
    record = ({"measure": "resident_population"} if stream == "statistic" else {}) | good
    assert validator(stream).is_valid(record)
    assert not validator(stream).is_valid(record | bad)


def test_the_envelope_admits_the_three_ways_to_withdraw_and_no_fourth() -> None:
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "a",
        "type": "minmai.task-report.v1",
        "time": "2024-05-01T09:30:00+08:00",
    }
    data = {"task": 1, "percent": 100, "status": "done"}
    way = {"op": "retract", "reason": "重复"}
    right = [
        {"data": data},
        way | {"data": data},
        way | {"retracts": "1"},
        {"type": "minmai.retraction.v1", "data": {"stream": "task-report", "record": "1", "reason": "重复"}},
    ]
    wrong = [
        {},
        way,
        {"data": data, "op": "delete", "reason": "重复"},
        {"data": data, "op": "retract"},
        {"data": data, "retracts": "1"},
        way | {"retracts": "1", "type": "minmai.retraction.v1"},
        {"data": data | {"percent": -1}},
    ]
    assert [validator("event").is_valid(event | more) for more in right] == [True] * len(right)
    assert [validator("event").is_valid(event | more) for more in wrong] == [False] * len(wrong)


VALUES = [None, True, False, 0, -1, 1, 1.5, 10**20, "", " ", "x", "12", "1.25", "-1", "2024-05-01", [], {}]


# Of records with the same fields one is enough.
DIFFERENT = {(event["type"], *event["data"]): event for event in examples.events()}


@pytest.mark.parametrize("event", DIFFERENT.values(), ids=lambda event: event["id"])
def test_what_it_admits_the_contract_admits_but_for_one_field_against_another(event: dict[str, Any]) -> None:
    _, stream, _ = event["type"].split(".")
    schema = validator(stream)
    model = STREAMS[stream].model
    record = event["data"]
    for field, value in product(record, VALUES):
        changed = record | {field: value}
        if schema.is_valid(changed):
            assert {*faults(model, changed)} <= {"value_error"}, changed
    for field in record:
        changed = {name: value for name, value in record.items() if name != field}
        assert schema.is_valid(changed) == (not [*faults(model, changed)]), changed


def faults(model: type[BaseModel], record: dict[str, Any]) -> Iterator[str]:
    try:
        model.model_validate(record)
    except ValidationError as error:
        yield from (fault["type"] for fault in error.errors())
