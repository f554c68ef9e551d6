-- What each person did in each topic, packed: a row for each person, with what pages of many people show. In every committed
-- state what user_topic_totals has of topics with attempts, by the topic's title. A column holds eight bytes for each topic,
-- a bigint or a double precision (NaN for NULL) as PostgreSQL sends them: to read and to send those costs a tenth of what
-- as many rows cost.
--
-- Back-filled here, while folds and changes of topics wait. Attempts are written and everything is read meanwhile.
LOCK TABLE topics, lab_topics IN SHARE ROW EXCLUSIVE MODE;
SELECT pg_advisory_xact_lock(hashtext('scoregraph.fold'));

-- The fillfactor leaves room for a fold to change rows where they are.
CREATE TABLE user_topic_packs (
  organization_id bigint NOT NULL,
  user_id bigint PRIMARY KEY,
  topic_id bytea NOT NULL,
  attempts bytea NOT NULL,
  successes bytea NOT NULL,
  tasks bytea NOT NULL,
  ranking_score bytea NOT NULL
) WITH (fillfactor = 80);

ALTER TABLE user_topic_packs ENABLE ROW LEVEL SECURITY;
ALTER TABLE user_topic_packs FORCE ROW LEVEL SECURITY;
CREATE POLICY owner_and_worker ON user_topic_packs TO scoregraph_owner, scoregraph_worker USING (true) WITH CHECK (true);
CREATE POLICY viewer_reads ON user_topic_packs FOR SELECT TO scoregraph_api USING (
  organization_id = (SELECT viewer_organization_id())
  AND ((SELECT viewer_sees_all()) OR user_id IN (SELECT viewer_people())));
GRANT SELECT ON user_topic_packs TO scoregraph_api, scoregraph_worker;

-- The ids in a pack.
CREATE FUNCTION unpack_ids(pack bytea) RETURNS SETOF bigint
LANGUAGE sql IMMUTABLE AS $$
  SELECT CAST(CAST('x' || encode(substr(pack, 8 * place + 1, 8), 'hex') AS bit(64)) AS bigint)
  FROM generate_series(0, length(pack) / 8 - 1) AS place
$$;

-- Packs anew what these people did.
CREATE FUNCTION pack_topics(of_user_ids bigint[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  INSERT INTO user_topic_packs AS p (organization_id, user_id, topic_id, attempts, successes, tasks, ranking_score)
  SELECT u.organization_id, u.id,
    coalesce(string_agg(int8send(t.topic_id), '' ORDER BY t.title COLLATE "C", t.topic_id), ''),
    coalesce(string_agg(int8send(t.attempts), '' ORDER BY t.title COLLATE "C", t.topic_id), ''),
    coalesce(string_agg(int8send(t.successes), '' ORDER BY t.title COLLATE "C", t.topic_id), ''),
    coalesce(string_agg(int8send(t.tasks), '' ORDER BY t.title COLLATE "C", t.topic_id), ''),
    coalesce(string_agg(float8send(coalesce(t.ranking_score, 'NaN')), '' ORDER BY t.title COLLATE "C", t.topic_id), '')
  FROM users u LEFT JOIN (
    user_topic_totals JOIN (SELECT id AS topic_id, title FROM topics) AS titles USING (topic_id)
  ) AS t ON t.user_id = u.id AND t.attempts > 0
  WHERE u.id = ANY (of_user_ids)
  GROUP BY u.id
  ORDER BY u.id
  ON CONFLICT (user_id) DO UPDATE SET
    topic_id = excluded.topic_id, attempts = excluded.attempts, successes = excluded.successes, tasks = excluded.tasks,
    ranking_score = excluded.ranking_score
$$;

SELECT pack_topics(array_agg(DISTINCT user_id)) FROM user_topic_totals;
ANALYZE user_topic_packs;

-- Whoever changes the totals: folds, and changes of lab_topics.
CREATE FUNCTION follow_topic_totals() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM pack_topics(array_agg(DISTINCT user_id)) FROM new_rows;
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM pack_topics(array_agg(DISTINCT user_id)) FROM old_rows;
  ELSIF TG_OP = 'TRUNCATE' THEN
    DELETE FROM user_topic_packs;
  ELSE
    PERFORM pack_topics(array_agg(DISTINCT user_id)) FROM (
      SELECT user_id FROM new_rows UNION ALL SELECT user_id FROM old_rows
    ) AS changed;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER user_topic_totals_inserted AFTER INSERT ON user_topic_totals
  REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION follow_topic_totals();
CREATE TRIGGER user_topic_totals_updated AFTER UPDATE ON user_topic_totals
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION follow_topic_totals();
CREATE TRIGGER user_topic_totals_deleted AFTER DELETE ON user_topic_totals
  REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION follow_topic_totals();
CREATE TRIGGER user_topic_totals_truncated AFTER TRUNCATE ON user_topic_totals
  FOR EACH STATEMENT EXECUTE FUNCTION follow_topic_totals();

-- Another title is another place. Folds are kept away as from lab_topics: none packs by a title that is about to change.
CREATE TRIGGER topics_keep_folds_away BEFORE UPDATE OF title ON topics
  FOR EACH STATEMENT EXECUTE FUNCTION keep_folds_away();
CREATE FUNCTION follow_topic_titles() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM pack_topics(array_agg(DISTINCT user_id)) FROM user_topic_totals WHERE topic_id IN (
    SELECT id FROM new_rows JOIN old_rows USING (id) WHERE new_rows.title <> old_rows.title
  );
  RETURN NULL;
END $$;
CREATE TRIGGER topics_updated AFTER UPDATE ON topics
  REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION follow_topic_titles();

REVOKE ALL ON FUNCTION unpack_ids, pack_topics, follow_topic_totals, follow_topic_titles FROM PUBLIC;
GRANT EXECUTE ON FUNCTION unpack_ids TO scoregraph_api, scoregraph_worker;
