"""What conditions of alert rules can be about: each measure is declared once, with the same for Prometheus.

Its statement gives ``subject`` and ``value`` (nothing where it is not known), of the platform or, of what belongs to
organizations, of ``:organization_id``.
"""

from __future__ import annotations

from dataclasses import dataclass

from db.queries.jobs import DEPTHS
from db.request_sums import ERROR_STATUS, GROWTH


@dataclass(frozen=True, slots=True)
class Measure:
    """``by`` names what it is told apart by. ``prometheus`` asks for the same of what gateways and workers are scraped for; where
    it is None, workers tell the measure itself, under its name.
    """

    name: str
    description: str
    statement: str
    by: str | None = None
    prometheus: str | None = None

    @property
    def promql(self) -> str:
        return self.prometheus or (f"max by ({self.by}) ({self.name})" if self.by else f"max({self.name})")


_OWN = "(CAST(:organization_id AS bigint) IS NULL OR organization_id = :organization_id)"
_DEPTHS = f"FROM ({DEPTHS.text}) AS d (queue, waiting, oldest_seconds, running)"
_WAITS = "status IN ('PENDING', 'PROCESSING')"

# Minutes that are counted have ended, or are the one that goes on.
_REQUESTS = (
    "FROM api_metrics WHERE at >= date_trunc('minute', now()) - interval '5 minutes'"
    " AND (CAST(:organization_id AS bigint) IS NULL OR organization_id IS NULL OR organization_id = :organization_id)"
)

_TRAFFIC = (
    Measure(
        "requests",
        "Operations that gateways answered in the last 5 minutes, and requests that services told of.",
        f"SELECT NULL, coalesce(sum(requests), 0) {_REQUESTS}",
        prometheus="sum(increase(graphql_operations_total[5m]))",
    ),
    Measure(
        "error_rate",
        "The share of them, 0 to 1, that failed on our side (a status of 500 or more); not known without any.",
        f"SELECT NULL, coalesce(sum(requests) FILTER (WHERE status_code >= {ERROR_STATUS}), 0) / sum(requests) {_REQUESTS}",
        prometheus='sum(rate(graphql_operations_total{status=~"INTERNAL|UNAVAILABLE"}[5m]))'
        " / sum(rate(graphql_operations_total[5m]))",
    ),
    Measure(
        "avg_response_time",
        "How many milliseconds they took on average; not known without any.",
        f"SELECT NULL, sum(total_microseconds) / sum(requests) / 1000 {_REQUESTS}",
        prometheus="1000 * sum(rate(graphql_operation_duration_seconds_sum[5m]))"
        " / sum(rate(graphql_operation_duration_seconds_count[5m]))",
    ),
    Measure(
        "response_time_p95_ms",
        "How many milliseconds 95 of 100 of them took at most; not known without any.",
        f"""
        SELECT NULL, power({GROWTH}, min(bucket)) FROM (
          SELECT bucket, sum(sum(count)) OVER (ORDER BY bucket) AS so_far, sum(sum(count)) OVER () AS total
          FROM (SELECT unnest(buckets) AS bucket, unnest(counts) AS count {_REQUESTS}) AS h GROUP BY bucket
        ) AS c WHERE so_far >= 0.95 * total
        """,
        prometheus="1000 * histogram_quantile(0.95, sum by (le) (rate(graphql_operation_duration_seconds_bucket[5m])))",
    ),
)
_EXPORTS = (
    Measure(
        "exports_pending",
        "Exports that wait or are being made.",
        f"SELECT NULL, count(*) FROM exports WHERE {_WAITS} AND {_OWN}",
    ),
    Measure(
        "exports_failed",
        "Exports that failed in the last 15 minutes by no fault of what was asked for.",
        "SELECT NULL, count(*) FROM exports WHERE status = 'FAILED' AND finished_at > now() - interval '15 minutes'"
        f" AND failure_code IN ('TIMEOUT', 'STORAGE', 'INTERNAL') AND {_OWN}",
    ),
    Measure(
        "exports_stalled_seconds",
        "For how long exports have waited and none has become ready; 0 where none waits.",
        # The first one after a quiet night has not waited all night.
        f"""
        SELECT NULL, coalesce((
          SELECT extract(epoch FROM now() - greatest(min(queued_at), (
            SELECT max(finished_at) FROM exports WHERE status IN ('READY', 'EXPIRED') AND {_OWN})))
          FROM exports WHERE {_WAITS} AND {_OWN} HAVING count(*) > 0), 0)
        """,
    ),
)
_WORKERS = (
    Measure(
        "worker_tick_seconds",
        "How long the last round of refreshing took, of the worker that was slowest.",
        "SELECT NULL, max(last_tick_seconds) FROM jobs.workers WHERE heartbeat_at > now() - interval '30 seconds'",
    ),
    Measure(
        "worker_errors",
        "Rounds of refreshing and jobs that failed in the last 5 minutes; not jobs that tell of alerts.",
        # A notice that cannot be sent would be the reason of the next one.
        """
        SELECT NULL, (SELECT count(*) FROM jobs.workers WHERE last_failed_tick_at > now() - interval '5 minutes') + (
          SELECT count(*) FROM jobs.failures f JOIN jobs.procrastinate_jobs j ON j.id = f.job_id
          WHERE f.failed_at > now() - interval '5 minutes' AND j.task_name <> 'alerts:notify')
        """,
        prometheus='(sum(increase(analytics_worker_ticks_total{status="error"}[5m])) or vector(0))'
        ' + (sum(increase(jobs_total{status="FAILED",task!="alerts:notify"}[5m])) or vector(0))',
    ),
    Measure(
        "queue_depth",
        "Jobs that could begin and wait for a worker.",
        f"SELECT queue, waiting {_DEPTHS}",
        by="queue",
        prometheus="max by (queue) (jobs_waiting)",
    ),
    Measure(
        "oldest_job_seconds",
        "For how long the oldest of them waits.",
        f"SELECT queue, oldest_seconds {_DEPTHS}",
        by="queue",
        prometheus="max by (queue) (jobs_oldest_waiting_seconds)",
    ),
)
_DATA = (
    Measure(
        "view_age_seconds",
        "Since a materialized view was known to be as a refresh would make it.",
        "SELECT name, extract(epoch FROM now() - greatest(refreshed_at, checked_at)) FROM view_refreshes",
        by="view",
        prometheus="max by (view) (rollup_lag_seconds)",
    ),
    Measure(
        "dead_letters",
        "Events that could not be taken and wait for somebody to replay them.",
        f"SELECT topic, count(*) FROM dead_letters WHERE failed_at IS NOT NULL AND {_OWN} GROUP BY topic",
        by="topic",
    ),
    Measure(
        "consumer_lag",
        "Events that a broker has and workers have not taken yet, as they said within the last minute.",
        "SELECT topic, sum(lag) FROM jobs.consumers WHERE observed_at > now() - interval '1 minute' GROUP BY topic",
        by="topic",
    ),
)

MEASURES = {measure.name: measure for measure in (*_TRAFFIC, *_EXPORTS, *_WORKERS, *_DATA)}
