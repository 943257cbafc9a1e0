"""The two statements that bring the figures up to the records: parts first, then indicators.

Both insert only what differs from what the table holds, so a refresh that finds nothing new writes nothing,
and a row that is no longer true is written over rather than left behind.
"""

PARTS = """
INSERT INTO part_delta (part, division, day, delta, known, version)
SELECT part, division, day, sum(now) AS delta, sum(now_known) AS known, {version}
FROM (
    SELECT part, division, day, delta AS now, known AS now_known, toDecimal128(0, 4) AS was, 0 AS was_known
    FROM ({deltas})
    UNION ALL
    SELECT part, division, day, toDecimal128(0, 4), 0, delta, known
    FROM part_delta FINAL WHERE part IN ({parts})
)
WHERE division IN ({shown})
GROUP BY part, division, day
HAVING delta != sum(was) OR known != sum(was_known)"""

# `kn` and `kd`: how many of the needed reports of numerator and denominator have begun. The status is
# compared in decimals, so that a figure exactly on its target is on it. The day 1970-01-01 carries what was
# always so.
INDICATORS = """
INSERT INTO indicator_history
    (indicator, division, day, numerator, denominator, value, target, status, version, updated_at)
WITH
    declared AS (
        SELECT indicator, division, numerator AS above, needed_numerator, denominator AS below,
            needed_denominator, scale, target, direction
        FROM indicator_declared FINAL WHERE plan = {plan} AND indicator IN ({indicators})
    ),
    points AS (
        SELECT indicator, division, day,
            sum(n) AS n, sum(kn) AS kn, sum(d) AS d, sum(kd) AS kd, max(old) AS old
        FROM (
            SELECT one.indicator AS indicator, one.division AS division, grown.day AS day,
                if(grown.part = one.above, grown.delta, 0) AS n,
                if(grown.part = one.above, grown.known, 0) AS kn,
                if(grown.part = one.below, grown.delta, 0) AS d,
                if(grown.part = one.below, grown.known, 0) AS kd,
                0 AS old
            FROM (SELECT * FROM part_delta FINAL WHERE day <= {today} AND (delta != 0 OR known != 0)) AS grown
            JOIN (
                SELECT indicator, division, above, below,
                    arrayJoin(arrayDistinct([above, below])) AS part
                FROM declared
            ) AS one
            ON grown.part = one.part AND grown.division = one.division
            UNION ALL
            SELECT indicator, division, day, toDecimal128(0, 4), 0, toDecimal128(0, 4), 0, 1
            FROM indicator_history WHERE indicator IN ({indicators}) AND day <= {today}
        )
        GROUP BY indicator, division, day
    ),
    totals AS (
        SELECT indicator, division, day,
            sum(n) OVER so_far AS n, sum(kn) OVER so_far AS kn,
            sum(d) OVER so_far AS d, sum(kd) OVER so_far AS kd
        FROM points
        WINDOW so_far AS (PARTITION BY indicator, division ORDER BY day ROWS UNBOUNDED PRECEDING)
    ),
    figures AS (
        SELECT indicator, division, day, scale, target, direction, below != '' AS divided,
            if(kn >= needed_numerator, n, NULL) AS numerator,
            if(divided AND kd >= needed_denominator, d, NULL) AS denominator,
            if(divided, denominator, toDecimal128(1, 4)) AS divisor,
            toDecimal256(numerator, 4) * toDecimal256(scale, 4) AS reached,
            toDecimal256(target, 4) * toDecimal256(divisor, 4) AS promised
        FROM totals
        JOIN declared USING (indicator, division)
    ),
    now AS (
        SELECT indicator, division, day, numerator, denominator,
            toFloat64(scale) * toFloat64(numerator) / nullIf(toFloat64(divisor), 0) AS value,
            target,
            multiIf(
                numerator IS NULL OR divisor IS NULL, 'no_data',
                divisor = 0, 'not_applicable',
                target IS NULL, 'watched',
                direction = 'at_least', if(reached >= promised, 'met', 'below'),
                direction = 'at_most', if(reached <= promised, 'met', 'below'),
                if(reached = promised, 'met', 'below')
            ) AS status
        FROM figures
        WHERE day > toDate(0)
    )
SELECT indicator, division, day, now.numerator, now.denominator, now.value, now.target, now.status,
    {version}, now64(3, 'UTC')
FROM now
LEFT JOIN (SELECT * FROM indicator_history FINAL WHERE indicator IN ({indicators})) AS before
USING (indicator, division, day)
WHERE toString((now.numerator, now.denominator, now.value, now.target, now.status))
    != toString((before.numerator, before.denominator, before.value, before.target, before.status))"""
