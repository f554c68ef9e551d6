-- Organizations, people, what they learn, and what they did. Constraints refuse nonsense whoever writes it.

CREATE FUNCTION is_time_zone(name text) RETURNS boolean
LANGUAGE plpgsql STABLE STRICT AS $$
BEGIN
  PERFORM now() AT TIME ZONE name;
  -- PostgreSQL takes "+3" and "Nowhere/Land5" for POSIX rules; only names are time zones here, and those hold no digits
  -- but for the fixed offsets.
  RETURN name ~ '^([A-Z][A-Za-z_]*(/[A-Z][A-Za-z_-]*)+|Etc/GMT([+-]?[0-9]|[+-]1[0-4])|UTC)$';
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN false;
END $$;

CREATE TABLE organizations (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  slug text NOT NULL UNIQUE CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  time_zone text NOT NULL DEFAULT 'UTC' CHECK (is_time_zone(time_zone)),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE users (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint NOT NULL REFERENCES organizations,
  external_id text NOT NULL CHECK (length(external_id) BETWEEN 1 AND 200),
  username text NOT NULL CHECK (length(username) BETWEEN 1 AND 200),
  username_key text NOT NULL GENERATED ALWAYS AS (lower(normalize(username, NFKC))) STORED,
  display_name text NOT NULL CHECK (length(display_name) BETWEEN 1 AND 200),
  email text CHECK (length(email) BETWEEN 3 AND 320),
  role text NOT NULL DEFAULT 'STUDENT' CHECK (role IN ('STUDENT', 'TEACHER', 'MANAGER', 'ADMIN', 'SERVICE')),
  time_zone text CHECK (is_time_zone(time_zone)),
  created_at timestamptz NOT NULL DEFAULT now(),
  deactivated_at timestamptz,
  UNIQUE (organization_id, external_id),
  UNIQUE (organization_id, username_key),
  UNIQUE (organization_id, id)
);
CREATE INDEX users_by_display_name ON users (organization_id, display_name, id);

CREATE TABLE groups (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint NOT NULL REFERENCES organizations,
  external_id text NOT NULL CHECK (length(external_id) BETWEEN 1 AND 200),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
  kind text NOT NULL DEFAULT 'class' CHECK (length(kind) BETWEEN 1 AND 50),
  time_zone text CHECK (is_time_zone(time_zone)),
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (organization_id, external_id),
  UNIQUE (organization_id, id)
);
CREATE INDEX groups_by_name ON groups (organization_id, name, id);

-- Who belonged to a group from when to when: [valid_from, valid_to). A LEAD teaches it.
CREATE TABLE group_memberships (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint NOT NULL,
  group_id bigint NOT NULL,
  user_id bigint NOT NULL,
  role text NOT NULL DEFAULT 'MEMBER' CHECK (role IN ('MEMBER', 'LEAD')),
  valid_from timestamptz NOT NULL DEFAULT now() CHECK (isfinite(valid_from)),
  valid_to timestamptz CHECK (isfinite(valid_to)),
  CHECK (valid_from < valid_to),
  FOREIGN KEY (organization_id, group_id) REFERENCES groups (organization_id, id),
  FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id),
  UNIQUE (group_id, user_id, role, valid_from)
);
CREATE INDEX group_memberships_by_user ON group_memberships (user_id, group_id);

-- Two intervals of one person, group and role may touch, not overlap. The lock on the group makes the check
-- safe against a concurrent insert (an exclusion constraint would need an extension).
CREATE FUNCTION refuse_overlapping_membership() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM groups WHERE id = NEW.group_id FOR NO KEY UPDATE;
  IF EXISTS (
    SELECT FROM group_memberships m
    WHERE m.group_id = NEW.group_id AND m.user_id = NEW.user_id AND m.role = NEW.role AND m.id <> NEW.id
      AND m.valid_from < coalesce(NEW.valid_to, 'infinity') AND NEW.valid_from < coalesce(m.valid_to, 'infinity')
  ) THEN
    RAISE EXCEPTION 'the membership overlaps another one of the same person, group and role'
      USING ERRCODE = 'exclusion_violation', CONSTRAINT = 'group_memberships_no_overlap';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER group_memberships_no_overlap BEFORE INSERT OR UPDATE ON group_memberships
  FOR EACH ROW EXECUTE FUNCTION refuse_overlapping_membership();

CREATE TABLE topics (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint NOT NULL REFERENCES organizations,
  external_id text NOT NULL CHECK (length(external_id) BETWEEN 1 AND 200),
  title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  UNIQUE (organization_id, external_id),
  UNIQUE (organization_id, id)
);
CREATE INDEX topics_by_title ON topics (organization_id, title, id);

CREATE TABLE levels (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint NOT NULL REFERENCES organizations,
  position integer NOT NULL CHECK (position BETWEEN 0 AND 1000),
  title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  UNIQUE (organization_id, position),
  UNIQUE (organization_id, id)
);

CREATE TABLE labs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint NOT NULL REFERENCES organizations,
  type text NOT NULL CHECK (length(type) BETWEEN 1 AND 200),
  title text NOT NULL CHECK (length(title) BETWEEN 1 AND 200),
  level_id bigint,
  difficulty numeric(6, 4) CHECK (difficulty BETWEEN 0 AND 10),
  required_skills text[] NOT NULL DEFAULT '{}' CHECK (cardinality(required_skills) <= 50),
  archived_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (organization_id, level_id) REFERENCES levels (organization_id, id),
  UNIQUE (organization_id, type),
  UNIQUE (organization_id, id)
);
CREATE INDEX labs_by_title ON labs (organization_id, title, id);
CREATE INDEX labs_by_level ON labs (level_id);

CREATE TABLE lab_topics (
  organization_id bigint NOT NULL,
  lab_id bigint NOT NULL,
  topic_id bigint NOT NULL,
  PRIMARY KEY (lab_id, topic_id),
  FOREIGN KEY (organization_id, lab_id) REFERENCES labs (organization_id, id),
  FOREIGN KEY (organization_id, topic_id) REFERENCES topics (organization_id, id)
);
CREATE INDEX lab_topics_by_topic ON lab_topics (topic_id, lab_id);

-- A lab given to one person or to one group, with or without a deadline.
CREATE TABLE assignments (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint NOT NULL,
  lab_id bigint NOT NULL,
  user_id bigint,
  group_id bigint,
  assigned_at timestamptz NOT NULL DEFAULT now() CHECK (isfinite(assigned_at)),
  due_at timestamptz CHECK (isfinite(due_at)),
  revision integer NOT NULL DEFAULT 1,
  CHECK (num_nonnulls(user_id, group_id) = 1),
  FOREIGN KEY (organization_id, lab_id) REFERENCES labs (organization_id, id),
  FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id),
  FOREIGN KEY (organization_id, group_id) REFERENCES groups (organization_id, id),
  UNIQUE (organization_id, id)
);
CREATE INDEX assignments_by_user ON assignments (user_id, lab_id) WHERE user_id IS NOT NULL;
CREATE INDEX assignments_by_group ON assignments (group_id, lab_id) WHERE group_id IS NOT NULL;

-- A later (or earlier) deadline for one person; it replaces the assignment's.
CREATE TABLE deadline_extensions (
  assignment_id bigint NOT NULL,
  organization_id bigint NOT NULL,
  user_id bigint NOT NULL,
  due_at timestamptz NOT NULL CHECK (isfinite(due_at)),
  reason text CHECK (length(reason) <= 1000),
  granted_by bigint,
  granted_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (assignment_id, user_id),
  FOREIGN KEY (organization_id, assignment_id) REFERENCES assignments (organization_id, id),
  FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id)
);

-- The facts. `counted` marks the one attempt of a (person, lab) that the score counts: the first success by
-- (completed_at, id). Triggers keep it. `due_at` and `difficulty` are copied when the attempt is completed.
-- Keys begin with user_id so that the table can be distributed by it.
CREATE TABLE attempts (
  id bigint GENERATED BY DEFAULT AS IDENTITY,
  organization_id bigint NOT NULL,
  user_id bigint NOT NULL,
  lab_id bigint NOT NULL,
  assignment_id bigint,
  status text NOT NULL CHECK (status IN ('STARTED', 'SUCCEEDED', 'FAILED', 'ABANDONED')),
  success boolean GENERATED ALWAYS AS (CASE WHEN status <> 'STARTED' THEN status = 'SUCCEEDED' END) STORED,
  started_at timestamptz CHECK (isfinite(started_at)),
  completed_at timestamptz CHECK (isfinite(completed_at)),
  due_at timestamptz CHECK (isfinite(due_at)),
  duration_seconds numeric(14, 3) CHECK (duration_seconds BETWEEN 0 AND 9999999999),
  score numeric(7, 4) CHECK (score BETWEEN 0 AND 100),
  accuracy numeric(7, 6) CHECK (accuracy BETWEEN 0 AND 1),
  skill_match numeric(7, 6) CHECK (skill_match BETWEEN 0 AND 1),
  difficulty numeric(6, 4) CHECK (difficulty BETWEEN 0 AND 10),
  hints_used integer CHECK (hints_used BETWEEN 0 AND 1000000),
  errors text[] NOT NULL DEFAULT '{}' CHECK (cardinality(errors) <= 100 AND array_position(errors, NULL) IS NULL),
  memory_mib numeric(14, 3) CHECK (memory_mib BETWEEN 0 AND 9999999999),
  cpu_percent numeric(9, 3) CHECK (cpu_percent BETWEEN 0 AND 999999),
  metadata jsonb CHECK (octet_length(metadata::text) <= 32768),
  source text NOT NULL DEFAULT 'API' CHECK (source IN ('API', 'REST', 'KAFKA', 'XAPI', 'CSV', 'LTI', 'MANUAL')),
  source_id text CHECK (length(source_id) BETWEEN 1 AND 200),
  recorded_at timestamptz NOT NULL DEFAULT now(),
  revision integer NOT NULL DEFAULT 1 CHECK (revision > 0),
  counted boolean NOT NULL DEFAULT false,
  deleted_at timestamptz,
  -- where an attempt stands in time: at its completion, or at its start while it is not finished; never null, for keyset paging
  occurred_at timestamptz NOT NULL GENERATED ALWAYS AS (coalesce(completed_at, started_at, recorded_at)) STORED,
  PRIMARY KEY (user_id, id),
  CHECK ((status = 'STARTED') = (completed_at IS NULL)),
  CHECK (started_at <= completed_at),
  FOREIGN KEY (organization_id, user_id) REFERENCES users (organization_id, id),
  FOREIGN KEY (organization_id, lab_id) REFERENCES labs (organization_id, id),
  FOREIGN KEY (organization_id, assignment_id) REFERENCES assignments (organization_id, id)
);
CREATE INDEX attempts_by_id ON attempts (id);
CREATE UNIQUE INDEX attempts_one_counted ON attempts (user_id, lab_id) WHERE counted;
CREATE INDEX attempts_first_success ON attempts (user_id, lab_id, completed_at, id)
  WHERE success AND deleted_at IS NULL;
CREATE UNIQUE INDEX attempts_by_source ON attempts (organization_id, source, source_id, user_id)
  WHERE source_id IS NOT NULL;
CREATE INDEX attempts_by_user ON attempts (user_id, occurred_at DESC, id DESC);
CREATE INDEX attempts_by_occurrence ON attempts (organization_id, occurred_at DESC, id DESC);
CREATE INDEX attempts_by_recording ON attempts (organization_id, recorded_at DESC, id DESC);
CREATE INDEX attempts_by_lab ON attempts (lab_id, occurred_at DESC, id DESC);
CREATE INDEX attempts_by_assignment ON attempts (assignment_id, user_id) WHERE assignment_id IS NOT NULL;

-- What an attempt was before each change; the attempt itself is its newest state.
CREATE TABLE attempt_revisions (
  organization_id bigint NOT NULL,
  user_id bigint NOT NULL,
  attempt_id bigint NOT NULL,
  revision integer NOT NULL,
  change text NOT NULL CHECK (change IN ('UPDATED', 'DELETED', 'RESTORED')),
  snapshot jsonb NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now(),
  actor_id bigint,
  reason text CHECK (length(reason) <= 1000),
  PRIMARY KEY (user_id, attempt_id, revision),
  FOREIGN KEY (user_id, attempt_id) REFERENCES attempts (user_id, id)
);

-- The answer given to an idempotency key, so that a retry gets it again. Kept 30 days.
CREATE TABLE idempotency_keys (
  organization_id bigint NOT NULL REFERENCES organizations,
  owner text NOT NULL,
  operation text NOT NULL,
  key text NOT NULL CHECK (length(key) BETWEEN 1 AND 200),
  body jsonb NOT NULL,
  answer jsonb,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (organization_id, owner, operation, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- Attempts whose person or lab is not known yet (user-progress mode "defer"); recorded once they are.
CREATE TABLE parked_attempts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id bigint NOT NULL REFERENCES organizations,
  user_external_id text NOT NULL,
  lab_type text NOT NULL,
  attempt jsonb NOT NULL,
  source text NOT NULL,
  source_id text,
  parked_at timestamptz NOT NULL DEFAULT now(),
  tries integer NOT NULL DEFAULT 0,
  last_tried_at timestamptz,
  reason text NOT NULL
);
CREATE INDEX parked_attempts_by_age ON parked_attempts (organization_id, parked_at);
CREATE UNIQUE INDEX parked_attempts_by_source ON parked_attempts (organization_id, source, source_id, user_external_id)
  WHERE source_id IS NOT NULL;
