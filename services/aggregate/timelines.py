"""The delta queries: how records become contributions that begin on one day and end on another.

The names in braces are filled in by figures.py. Of several records of one entity the newest by
(time, source, id) counts: `time` alone may tie, and a tie must fall the same way in whatever order they came.
"""

_SPREAD = """arrayJoin(arrayConcat(
        [substring(division, 1, 6)], if(length(division) >= 9, [substring(division, 1, 9)], [])))"""

# The state of each facility on each day on which it, or its places, changed; `until` is the next such day.
_FACILITY_STATES = """
    SELECT subject, day, kind, division, status, ownership, floor_area, beds, nursing_beds, sports_area,
        places, inclusive_places, children,
        leadInFrame(day, 1, toDate('2149-06-06')) OVER
            (PARTITION BY subject ORDER BY day ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS until
    FROM (
        SELECT changed.subject AS subject, changed.day AS day, state.1 AS kind, state.2 AS division,
            state.3 AS status, state.4 AS ownership, state.5 AS floor_area, state.6 AS beds,
            state.7 AS nursing_beds, state.8 AS sports_area,
            offered.1 AS places, offered.2 AS inclusive_places, offered.3 AS children
        FROM (
            SELECT DISTINCT subject, toDate(time, {zone}) AS day FROM facility_log
            UNION DISTINCT
            SELECT DISTINCT subject, toDate(time, {zone}) AS day FROM childcare_place_log
        ) AS changed
        ASOF JOIN (
            SELECT subject, toDate(time, {zone}) AS day, argMax(
                (kind, division, status, ownership, floor_area, beds, nursing_beds, sports_area),
                (time, source, id)) AS state
            FROM facility_log GROUP BY subject, day
        ) AS facility ON changed.subject = facility.subject AND changed.day >= facility.day
        ASOF LEFT JOIN (
            SELECT subject, toDate(time, {zone}) AS day,
                argMax((total, inclusive, enrolled), (time, source, id)) AS offered
            FROM childcare_place_log GROUP BY subject, day
        ) AS place ON changed.subject = place.subject AND changed.day >= place.day
    )"""

# Known, in every shown division, from the county's first such record on.
_KNOWN = """
    SELECT arrayJoin({{shown}}) AS division, day, toDecimal128(0, 4) AS delta, 1 AS known
    FROM (SELECT min({day}) AS day, count() AS records FROM {table} WHERE {condition})
    WHERE records > 0"""

_FACILITIES_KNOWN = _KNOWN.format(day="toDate(time, {zone})", table="facility_log", condition="{kinds}")

FACILITIES = f"""
    SELECT {_SPREAD} AS division, change.1 AS day, change.2 AS delta, 0 AS known
    FROM (
        SELECT division, arrayJoin([(day, contribution), (until, -contribution)]) AS change
        FROM (SELECT division, day, until, {{contribution}} AS contribution FROM ({_FACILITY_STATES}))
        WHERE contribution != 0
    )
    UNION ALL
    {_FACILITIES_KNOWN}"""

# Places (communities, townships) that have at least one such facility: the running count of facilities in
# each place, then where that count begins or ceases to be above nought.
PLACES_WITH_FACILITY = f"""
    SELECT {_SPREAD} AS division, day, toDecimal128(has - had, 4) AS delta, 0 AS known
    FROM (
        SELECT place AS division, day, toInt8(running > 0) AS has,
            toInt8(lagInFrame(running, 1, 0) OVER
                (PARTITION BY place ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > 0) AS had
        FROM (
            SELECT place, day,
                sum(step) OVER (PARTITION BY place ORDER BY day ROWS UNBOUNDED PRECEDING) AS running
            FROM (
                SELECT place, change.1 AS day, sum(change.2) AS step
                FROM (
                    SELECT substring(division, 1, {{place_digits}}) AS place,
                        arrayJoin([(day, 1), (until, -1)]) AS change
                    FROM ({_FACILITY_STATES})
                    WHERE {{counts}}
                )
                WHERE place IN {{places}}
                GROUP BY place, day
            )
        )
    )
    WHERE has != had
    UNION ALL
    {_FACILITIES_KNOWN}"""

# An event counts from its day, or from the day it was reported held if that is later, until another record
# says otherwise or, for figures of one year, the year ends.
EVENTS = f"""
    SELECT {_SPREAD} AS division, change.1 AS day, change.2 AS delta, 0 AS known
    FROM (
        SELECT division, arrayJoin([(begins, contribution), (ends, -contribution)]) AS change
        FROM (
            SELECT division, greatest(said, day) AS begins, least(until, {{last_day}}) AS ends,
                {{contribution}} AS contribution
            FROM (
                SELECT said, state.1 AS division, state.2 AS day, state.3 AS name, state.4 AS level,
                    state.5 AS sport, state.6 AS status, state.7 AS participants,
                    leadInFrame(said, 1, toDate('2149-06-06')) OVER (
                        PARTITION BY subject ORDER BY said
                        ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING
                    ) AS until
                FROM (
                    SELECT subject, toDate(time, {{zone}}) AS said, argMax(
                        (division, day, name, level, sport, status, participants), (time, source, id)
                    ) AS state
                    FROM fitness_event_log GROUP BY subject, said
                )
            )
        )
        WHERE begins < ends AND contribution != 0
    )
    UNION ALL
    {_KNOWN.format(day="toDate(time, {zone})", table="fitness_event_log", condition="1")}"""

VOUCHERS = f"""
    SELECT {_SPREAD} AS division, toDate(hour, {{zone}}) AS day, sum({{contribution}}) AS delta, 0 AS known
    FROM (
        SELECT campaign, sector, division, hour, step, sum(records) AS records, sum(face_value) AS face_value,
            sum(order_amount) AS order_amount
        FROM voucher_hourly GROUP BY campaign, sector, division, hour, step
    )
    GROUP BY division, day
    UNION ALL
    {_KNOWN.format(day="toDate(hour, {zone})", table="voucher_hourly", condition="1")}"""

STATISTICS = f"""
    SELECT {_SPREAD} AS division, day, sum(grown) AS delta, sum(first) AS known
    FROM (
        SELECT division, day,
            toDecimal128(value, 4)
                - toDecimal128(lagInFrame(value, 1, toDecimal64(0, 4)) OVER reports, 4) AS grown,
            row_number() OVER reports = 1 AS first
        FROM (
            SELECT division, toDate(time, {{zone}}) AS day, argMax(value, (time, source, id)) AS value
            FROM statistic_log WHERE measure = {{measure}} AND dimension = {{dimension}}
            GROUP BY division, day
        )
        WINDOW reports AS (
            PARTITION BY division ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
    )
    GROUP BY division, day"""
