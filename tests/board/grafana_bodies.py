"""The bodies that Grafana's HTTP API is documented to take.

An unknown field is a mistake of ours, though Grafana itself would overlook it.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Uid = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z0-9_-]{1,40}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=190)]
Length = Annotated[str, StringConstraints(pattern=r"^(0|(\d+(ms|[smhdwy]))+)$")]
LabelName = Annotated[str, StringConstraints(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]
LabelValue = Annotated[str, StringConstraints(min_length=1)]


class Body(BaseModel):
    """A documented body."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Folder(Body):
    uid: Uid
    title: Name
    overwrite: bool = False


class SourceJson(Body):
    host: Annotated[str, Field(min_length=1)]
    port: Annotated[int, Field(ge=1, le=65535)]
    protocol: Literal["native", "http"]
    username: str
    defaultDatabase: str


class Secrets(Body):
    password: str


class Source(Body):
    uid: Uid
    name: Name
    type: Name
    access: Literal["proxy"]
    jsonData: SourceJson
    secureJsonData: Secrets


class Evaluator(Body):
    type: Literal[
        *("gt", "lt", "eq", "ne", "gte", "lte", "within_range", "outside_range"),
        *("within_range_included", "outside_range_included"),
    ]
    params: Annotated[list[float], Field(min_length=1, max_length=2)]


class Condition(Body):
    type: Literal["query"]
    evaluator: Evaluator
    unloadEvaluator: Evaluator | None = None


class SourceOf(Body):
    type: str
    uid: str


class Model(Body):
    refId: str
    datasource: SourceOf
    intervalMs: int
    maxDataPoints: int


class QueryModel(Model):
    editorType: Literal["sql"]
    queryType: Literal["table"]
    format: Literal[1]
    rawSql: Annotated[str, Field(min_length=1)]


class ThresholdModel(Model):
    type: Literal["threshold"]
    expression: str
    conditions: Annotated[list[Condition], Field(min_length=1, max_length=1)]


class Range(Body):
    from_: Annotated[int, Field(alias="from", ge=0)]
    to: Annotated[int, Field(ge=0)]


class Query(Body):
    refId: str
    queryType: str
    relativeTimeRange: Range
    datasourceUid: str
    model: QueryModel | ThresholdModel


class AlertRule(Body):
    uid: Uid
    title: Name
    ruleGroup: Name
    folderUID: Uid
    orgID: int
    condition: str
    data: Annotated[list[Query], Field(min_length=1)]
    noDataState: Literal["Alerting", "NoData", "OK", "KeepLast"]
    execErrState: Literal["Alerting", "Error", "OK", "KeepLast"]
    for_: Annotated[Length, Field(alias="for")]
    keep_firing_for: Length
    labels: dict[LabelName, LabelValue]
    annotations: dict[str, str]
    isPaused: bool


class GridPos(Body):
    h: Annotated[int, Field(ge=1)]
    w: Annotated[int, Field(ge=1, le=24)]
    x: Annotated[int, Field(ge=0, le=23)]
    y: Annotated[int, Field(ge=0)]


class Panel(BaseModel):
    """What every panel has; the rest is its kind's."""

    model_config = ConfigDict(extra="allow", strict=True)

    id: Annotated[int, Field(ge=1, lt=2**31)]
    type: Literal["row", "stat", "timeseries", "barchart", "table"]
    title: Name
    gridPos: GridPos


class DashboardBody(BaseModel):
    """A dashboard in the format of before version 2; Grafana keeps whatever else is in it."""

    model_config = ConfigDict(extra="allow", strict=True)

    uid: Uid
    title: Name
    tags: list[str]
    panels: list[Panel]


class Saved(Body):
    dashboard: DashboardBody
    folderUid: Uid
    overwrite: bool = False
    message: str = ""


class ContactPoint(Body):
    uid: Uid
    name: Name
    type: Literal["email", "webhook", "dingding", "wecom"]
    settings: dict[str, Any]
    disableResolveMessage: bool


class Route(Body):
    receiver: str = ""
    group_by: list[str] = []
    object_matchers: list[tuple[str, Literal["=", "!=", "=~", "!~"], str]] = []
    group_wait: Length = "30s"
    group_interval: Length = "5m"
    repeat_interval: Length = "4h"
    continue_: Annotated[bool, Field(alias="continue")] = False
    routes: list["Route"] = []
