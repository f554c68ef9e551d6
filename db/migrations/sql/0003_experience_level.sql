-- The level of so many tasks. As it was, but that the planner writes it in line: a call for each row costs as much as to find
-- the row. (It does not where STRICT has to be kept and greatest() takes a NULL.)
CREATE OR REPLACE FUNCTION experience_level(tasks bigint) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN tasks IS NOT NULL THEN 1 + floor(sqrt(greatest(tasks, 0)::numeric))::integer END;
