"""What schemathesis checks beside its own: a record that fits its schema is refused for good reasons only."""

import schemathesis

BEYOND_SCHEMAS = {
    "conflict",  # the id was used before
    "forbidden_division",  # of another county or agency
    "unknown_division",
    "wrong_source",
    "unknown_task",
    "time_out_of_range",
    "invalid_field",  # fields that contradict each other, days, money beyond the order
    "missing_field",  # what another field makes necessary
    "unknown_field",  # of a withdrawal, whose schema leaves the repeated record open
}


@schemathesis.check
def refused_for_good_reasons(
    _context: schemathesis.CheckContext, response: schemathesis.Response, case: schemathesis.Case
) -> None:
    """JSON that fits its schema is never a problem as a whole, and no record of it is taken for malformed."""
    fits = case.meta is not None and case.meta.generation.mode.is_positive
    if not (fits and case.method == "POST" and response.status_code in (207, 400)):
        return
    if not str(case.media_type).endswith("json") or "ndjson" in str(case.media_type):
        return  # the schema of text says nothing
    answer = response.json()
    codes = {error["code"] for error in answer.get("errors", ())}
    if not codes or codes - BEYOND_SCHEMAS:
        raise AssertionError(f"fits its schema, refused as {codes or answer}")
