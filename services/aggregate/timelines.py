"""The delta queries: how records become contributions that begin on one day and end on another.

The names in braces are filled in by parts.py. Of several records of one entity the newest by
(time, source, id) counts: `time` alone may tie, and a tie must fall the same way in whatever order they came.
"""

_SPREAD = """arrayJoin(arrayConcat(
        [substring(division, 1, 6)], if(length(division) >= 9, [substring(division, 1, 9)], [])))"""

# The state of each facility on each day on which it, or its places, changed; `until` is the next such day.
_FACILITY_STATES = """
    SELECT day, state.1 AS kind, state.2 AS division, state.3 AS status, state.4 AS ownership,
        state.5 AS floor_area, state.6 AS beds, state.7 AS nursing_beds, state.8 AS sports_area,
        offered.1 AS places, offered.2 AS inclusive_places, offered.3 AS children,
        leadInFrame(day, 1, toDate('2149-06-06')) OVER
            (PARTITION BY changed.subject ORDER BY day
            ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS until
    FROM (
        SELECT DISTINCT subject, toDate(time, {zone}) AS day FROM facility_log
        UNION DISTINCT
        SELECT DISTINCT subject, toDate(time, {zone}) AS day FROM childcare_place_log
    ) AS changed
    ASOF JOIN (
        SELECT subject, toDate(time, {zone}) AS since, argMax(
            (kind, division, status, ownership, floor_area, beds, nursing_beds, sports_area),
            (time, source, id)
        ) AS state
        FROM facility_log GROUP BY subject, since
    ) AS facility ON changed.subject = facility.subject AND changed.day >= facility.since
    ASOF LEFT JOIN (
        SELECT subject, toDate(time, {zone}) AS since,
            argMax((total, inclusive, enrolled), (time, source, id)) AS offered
        FROM childcare_place_log GROUP BY subject, since
    ) AS place ON changed.subject = place.subject AND changed.day >= place.since"""

# A part is known, in every shown division, from the county's first record of its kind on.
_BEGUN = """
    SELECT part, arrayJoin([{{shown}}]) AS division, min(begins) AS day,
        toDecimal128(0, 4) AS delta, 1 AS known
    FROM (SELECT arrayJoin({{begun}}) AS part, {day} AS begins FROM {table})
    GROUP BY part, division"""

# A state gives (part, division, presence, amount) to each part it counts in. Amounts are added up; with
# presence the division is a place (community, township) that counts for one while it has such a facility.
FACILITIES = f"""
    SELECT part, {_SPREAD} AS division, day,
        if(presence, toDecimal128(toInt8(running > 0) - toInt8(running - step > 0), 4), step) AS delta,
        0 AS known
    FROM (
        SELECT part, division, presence, day, step,
            sum(step) OVER (PARTITION BY part, division ORDER BY day ROWS UNBOUNDED PRECEDING) AS running
        FROM (
            SELECT given.1 AS part, given.2 AS division, given.3 AS presence, change.1 AS day,
                sum(change.2) AS step
            FROM (
                SELECT arrayJoin(arrayConcat({{contributions}}, [])) AS given,
                    arrayJoin([(day, given.4), (until, -given.4)]) AS change
                FROM ({_FACILITY_STATES})
            )
            GROUP BY part, division, presence, day
        )
    )
    WHERE delta != 0
    UNION ALL
    {_BEGUN.format(day="toDate(time, {zone})", table="facility_log")}"""

# An event counts from its day, or from the day it was reported held if that is later, until another record
# says otherwise or, for figures of one year, the year ends.
EVENTS = f"""
    SELECT part, {_SPREAD} AS division, change.1 AS day, change.2 AS delta, 0 AS known
    FROM (
        SELECT given.1 AS part, given.2 AS division, greatest(said, day) AS begins,
            least(until, given.5) AS ends, arrayJoin([(begins, given.4), (ends, -given.4)]) AS change
        FROM (
            SELECT said, day, until, arrayJoin(arrayConcat({{contributions}}, [])) AS given
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
        WHERE begins < ends
    )
    UNION ALL
    {_BEGUN.format(day="toDate(time, {zone})", table="fitness_event_log")}"""

VOUCHERS = f"""
    SELECT given.1 AS part, {_SPREAD} AS division, day, given.4 AS delta, 0 AS known
    FROM (
        SELECT division, toDate(hour, {{zone}}) AS day, arrayJoin(arrayConcat({{contributions}}, [])) AS given
        FROM (
            SELECT campaign, sector, division, hour, step, sum(records) AS records,
                sum(face_value) AS face_value, sum(order_amount) AS order_amount
            FROM voucher_hourly GROUP BY campaign, sector, division, hour, step
        )
    )
    UNION ALL
    {_BEGUN.format(day="toDate(hour, {zone})", table="voucher_hourly")}"""

STATISTICS = f"""
    SELECT arrayJoin({{asked}}) AS part, {_SPREAD} AS division, day, grown AS delta, first AS known
    FROM (
        SELECT division, measure, dimension, day,
            toDecimal128(value, 4)
                - toDecimal128(lagInFrame(value, 1, toDecimal64(0, 4)) OVER reports, 4) AS grown,
            row_number() OVER reports = 1 AS first
        FROM (
            SELECT division, measure, dimension, toDate(time, {{zone}}) AS day,
                argMax(value, (time, source, id)) AS value
            FROM statistic_log
            GROUP BY division, measure, dimension, day
        )
        WINDOW reports AS (
            PARTITION BY division, measure, dimension ORDER BY day
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
    )"""

# Numbers of places do not change; they are there before any record is.
CONSTANTS = """
    SELECT row.1 AS part, row.2 AS division, toDate(0) AS day, toDecimal128(row.3, 4) AS delta, 1 AS known
    FROM (SELECT arrayJoin([{rows}]) AS row)"""
