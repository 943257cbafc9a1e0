"""What GET /v1/schemas/{stream} gives, and how the format is chosen."""

from collections.abc import Iterator
from io import BytesIO

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from schemas.generate import stream_schema
from schemas.streams import STREAMS
from services.ingest.sheets import download
from services.ingest.sheets.sheet import CSV_TYPE, XLSX_TYPE, open_sheet


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = FastAPI()
    download.install(app)
    with TestClient(app) as client:
        yield client


@pytest.mark.parametrize("stream", STREAMS)
def test_the_json_schema_is_what_comes_unasked(client: TestClient, stream: str) -> None:
    response = client.get(f"/v1/schemas/{stream}")
    assert response.headers["content-type"] == "application/json"
    assert response.json() == stream_schema(STREAMS[stream])


@pytest.mark.parametrize(
    ("query", "accept", "expected"),
    [
        ("?format=csv", "*/*", "text/csv; charset=utf-8"),
        ("?format=xlsx", CSV_TYPE, XLSX_TYPE),
        ("", XLSX_TYPE, XLSX_TYPE),
        ("", f"application/json;q=0.5, {CSV_TYPE};q=0.9", "text/csv; charset=utf-8"),
        ("", f"{CSV_TYPE};q=none, */*", "application/json"),
    ],
)
def test_the_format_is_named_or_accepted(client: TestClient, query: str, accept: str, expected: str) -> None:
    response = client.get(f"/v1/schemas/facility{query}", headers={"accept": accept})
    assert response.headers["content-type"] == expected


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_empty_template_is_a_sheet_of_its_stream(client: TestClient, stream: str, kind: str) -> None:
    response = client.get(f"/v1/schemas/{stream}?format={kind}")
    with open_sheet("csv" if kind == "csv" else "xlsx", BytesIO(response.content), STREAMS[stream]) as sheet:
        assert sheet.rows == 0


def test_another_format_is_not_known(client: TestClient) -> None:
    assert client.get("/v1/schemas/facility?format=pdf").status_code == 422
