"""Keeping the tables of events and metrics small, as the worker: partitions, what is too old, and finer sums than are needed."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

TEND = text("SELECT name, change FROM tend_partitions(:days)")

# What shares a partition with what is kept, or waits in the default one.
_OLD = "DELETE FROM {0} WHERE (tableoid, ctid) IN (SELECT tableoid, ctid FROM {0} WHERE {1} < now() - make_interval(days => :days) LIMIT :most)"
DELETE_OLD = tuple(
    text(_OLD.format(table, clock))
    for table, clock in (
        ("user_events", "occurred_at"),
        ("user_event_ids", "occurred_at"),
        ("system_metrics", "at"),
        ("api_metrics", "at"),
    )
)

# Sums and histograms add up, so that a longer stretch is answered as before.
COMBINE = text("""
WITH old AS (
  DELETE FROM api_metrics WHERE seconds = 60 AND at < date_trunc('hour', now()) - interval '1 day' RETURNING *
), keyed AS (
  SELECT *, dense_rank() OVER (ORDER BY organization_id, service_name, endpoint, method, status_code,
    date_bin(make_interval(secs => :seconds), at, 'epoch')) AS key FROM old
), histograms AS (
  SELECT key, array_agg(bucket ORDER BY bucket) AS buckets, array_agg(count ORDER BY bucket) AS counts
  FROM (SELECT key, bucket, sum(count)::bigint AS count FROM keyed, unnest(buckets, counts) AS h (bucket, count)
    GROUP BY key, bucket) AS summed GROUP BY key
), sums AS (
  SELECT key, min(organization_id) AS organization_id, min(service_name) AS service_name, min(endpoint) AS endpoint,
    min(method) AS method, min(status_code) AS status_code, sum(requests) AS requests,
    sum(total_microseconds) AS total_microseconds, sum(payloads) AS payloads, sum(payload_bytes) AS payload_bytes,
    date_bin(make_interval(secs => :seconds), min(at), 'epoch') AS at
  FROM keyed GROUP BY key
)
INSERT INTO api_metrics (organization_id, service_name, endpoint, method, status_code, requests, total_microseconds,
  buckets, counts, payloads, payload_bytes, seconds, at)
SELECT organization_id, service_name, endpoint, method, status_code, requests, total_microseconds,
  coalesce(buckets, '{}'), coalesce(counts, '{}'), payloads, payload_bytes, :seconds, at
FROM sums LEFT JOIN histograms USING (key)
""")


async def tend_partitions(connection: AsyncConnection, days: int) -> list[tuple[str, str]]:
    """Makes a partition that is needed, or drops one of more than so many days ago: to be called again until neither is done, each
    time in a transaction of its own. Gives the name of what was MADE or DROPPED, and of those that somebody held (BUSY).
    """
    return [(row[0], row[1]) for row in await connection.execute(TEND, {"days": days})]


async def delete_old_rows(connection: AsyncConnection, days: int, most: int) -> int:
    """Deletes events and metrics from more than so many days ago, so many of each table at most; says how many."""
    values = {"days": days, "most": most}
    return sum([(await connection.execute(statement, values)).rowcount for statement in DELETE_OLD])


async def combine_requests(connection: AsyncConnection, seconds: int) -> int:
    """Puts the minutes of api_metrics that are a day old together, in stretches of so many seconds; says how many rows came of
    it.
    """
    if seconds <= 60:
        return 0
    return (await connection.execute(COMBINE, {"seconds": seconds})).rowcount
