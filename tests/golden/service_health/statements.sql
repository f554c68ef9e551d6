WITH seen AS (
  SELECT service_name, max(at) AS at FROM (
    SELECT service_name, max(at) AS at FROM system_metrics WHERE at >= CAST($1 AS timestamptz) - interval '1 day' GROUP BY service_name
    UNION ALL
    SELECT service_name, max(at + make_interval(secs => seconds)) FROM api_metrics
    WHERE at >= CAST($1 AS timestamptz) - interval '1 day' GROUP BY service_name
  ) AS told GROUP BY service_name
), answered AS (
  SELECT service_name, sum(requests)::bigint AS requests,
  coalesce(sum(requests) FILTER (WHERE status_code >= 500), 0)::float8 / sum(requests)::float8 AS error_rate,
  sum(total_microseconds)::float8 / sum(requests)::float8 / 1000 AS mean_ms
  FROM api_metrics WHERE at >= CAST($1 AS timestamptz) - interval '1 hour' GROUP BY service_name
), sampled AS (
  SELECT service_name, count(*) FILTER (WHERE metric_name = 'response_time') AS requests,
    avg(value) FILTER (WHERE metric_name = 'response_time') AS mean_ms,
    avg(value) FILTER (WHERE metric_name = 'error_rate') AS error_rate,
    avg(value) FILTER (WHERE metric_name = 'cpu_percent' AND at >= CAST($1 AS timestamptz) - interval '5 minutes') AS cpu_percent,
    avg(value) FILTER (WHERE metric_name = 'memory_mib' AND at >= CAST($1 AS timestamptz) - interval '5 minutes') AS memory_mib,
    avg(value) FILTER (WHERE metric_name = 'db_pool_usage' AND at >= CAST($1 AS timestamptz) - interval '5 minutes') AS db_pool_usage
  FROM system_metrics
  WHERE at >= CAST($1 AS timestamptz) - interval '1 hour'
    AND metric_name IN ('response_time', 'error_rate', 'cpu_percent', 'memory_mib', 'db_pool_usage')
  GROUP BY service_name
)
SELECT service_name, least(seen.at, CAST($1 AS timestamptz)), coalesce(a.requests, s.requests, 0), coalesce(a.mean_ms, s.mean_ms),
  coalesce(a.error_rate, s.error_rate), s.cpu_percent, s.memory_mib, s.db_pool_usage
FROM seen LEFT JOIN answered a USING (service_name) LEFT JOIN sampled s USING (service_name)
ORDER BY service_name LIMIT $2;
