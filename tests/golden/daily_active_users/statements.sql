SELECT coalesce(sum(events), 0)::bigint, coalesce(sum(events) FILTER (WHERE user_id IS NOT NULL), 0)::bigint, count(user_id)
FROM (
  SELECT user_id, count(*) AS events FROM user_events WHERE event_type = 'user_login' AND occurred_at >= $1 AND occurred_at < $2 GROUP BY user_id
) AS people;

SELECT count(*) FROM (
  SELECT DISTINCT user_id FROM user_events WHERE event_type = 'user_login' AND occurred_at >= $1 AND occurred_at < $2 AND user_id IS NOT NULL
) AS active;

SELECT event_type, sum(events)::bigint AS events, count(user_id) FROM (
  SELECT event_type, user_id, count(*) AS events FROM user_events WHERE occurred_at >= $1 AND occurred_at < $2 GROUP BY event_type, user_id
) AS used GROUP BY event_type ORDER BY events DESC, event_type LIMIT $3;

SELECT slot, count(*) FROM (
  SELECT DISTINCT width_bucket(occurred_at, CAST($1 AS timestamptz[])) AS slot, user_id FROM user_events
  WHERE event_type = 'user_login' AND occurred_at >= $2 AND occurred_at < $3 AND user_id IS NOT NULL
) AS active GROUP BY slot;
