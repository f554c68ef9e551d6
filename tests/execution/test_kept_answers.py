"""Whatever is written, by whomever and however: an answer that is kept is the answer that would be given now."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import make_url

from execution.response_cache import Kept
from schema.relay import global_id
from tests.conftest import Database, Servers
from tests.execution.keeping import Keeper, Who, body_of
from tests.school import new_school

GOLDEN = sorted((Path(__file__).parents[1] / "golden").glob("*/query.graphql"))
EXAMPLES = int(os.environ.get("SCOREGRAPH_TEST_EXAMPLES", "20"))

# Each of them is read from little, so that there is little that drops it.
OF_A_PERSON = (
    "displayName email deactivatedAt",
    "performance { score tasksCompleted experienceLevel }",
    "performance(period: {lastDays: 365}) { score tasksCompleted explanation { excluded { reason count } components { value } } }",
    "performance { trend { change } }",
    "performanceTrend(period: {lastDays: 30}, fill: CARRY_FORWARD) { points { performanceScore tasksCompleted } }",
    "labStats { lab { title } attempts bestScore lastAttemptAt }",
    "topicStats { topic { title } score mastery measures { attempts } }",
    "memberships(includeEnded: true) { nodes { group { name } role validTo } totalCount { value } }",
    "assignments { nodes { lab { title } dueAt } }",
    "attempts { nodes { status dueAt score lab { topics { title } } } }",
    "performanceLogs(first: 3) { nodes { performanceScore } totalCount { value } }",
    "snapshots { nodes { snapshotDate cumulativeTasks isFinal } totalCount { value } }",
    "rank { rank tiedWith rankedPeople }",
)
OF_A_GROUP = (
    "name timeZone",
    "memberCount",
    "members(first: 50) { nodes { displayName performance { score } topicStats { topic { title } score } } }",
    "members(orderBy: {field: SCORE, direction: DESC}, first: 1) { nodes { displayName } }",
    "leads { displayName }",
    "memberships { nodes { user { displayName } validFrom validTo } }",
    "stats { totalUsers measures { attempts successRate } commonErrors { code } }",
    "stats(attribution: AT_ATTEMPT) { measures { attempts } }",
    "topicStats { topic { title } stats { measures { attempts } } } levelStats { level { title } stats { totalUsers } }",
    "scoreStatistics { count median } scoreDistribution { totalMembers }",
    "trend(period: {lastDays: 365}, grain: MONTH) { points { measures { attempts } } }",
    "leaderboard { top(first: 5) { rank value displayName } }",
)
OF_AN_ORGANIZATION = (
    '{ users(filter: {nameContains: "a"}) { nodes { username role } totalCount { value } } }',
    "{ users(filter: {leastScore: 50}, orderBy: {field: TASKS_COMPLETED}) { nodes { displayName } } }",
    '{ user(by: {username: "cleo"}) { id } }',
    '{ user(by: {externalId: "ben"}) { id } }',
    "{ groups { nodes { name } totalCount { value } } }",
    "{ leaderboard(metric: TASKS, ranking: DENSE) { rankedPeople top(first: 3) { rank value displayName } } }",
    "{ leaderboard { top(first: 100) { rank value user { displayName memberships(first: 1) { nodes { group { name } } } } } } }",
    "{ labs(filter: {includeArchived: true}) { nodes { title level { title } topics { title } } } }",
    "{ labs { nodes { stats { measures { attempts } totalUsers commonErrors { code } } } } }",
    "{ topics { nodes { title } } levels { title } }",
    "{ organization { name scoreStatistics { median } stats { medianCompletionTimeSeconds measures { attempts } } } }",
    "{ attempts(first: 5) { nodes { user { displayName } score revision } totalCount { value } } }",
    "{ performanceLogs(first: 3) { nodes { user { displayName } performanceScore } } }",
    "{ viewer { role permissions user { displayName } groups { name } organization { name } } }",
)
# Ids as the school gives them: 2 ben, 3 cleo, 4 dan; 1 alg-1, 2 alg-2.
DOCUMENTS = (
    *OF_AN_ORGANIZATION,
    *(
        f'{{ user(by: {{id: "{global_id("User", key)}"}}) {{ {fields} }} }}'
        for key in (2, 3, 4)
        for fields in OF_A_PERSON
    ),
    *(f'{{ group(id: "{global_id("Group", key)}") {{ {fields} }} }}' for key in (1, 2) for fields in OF_A_GROUP),
    *(path.read_text() for path in GOLDEN),
)
PEOPLE = (
    *(Who("mia", "MANAGER"), Who("root", "MANAGER"), Who("root", "ADMIN"), Who("nobody", "SERVICE")),
    *(Who("ada", "TEACHER"), Who("tom", "TEACHER"), Who("ada", "TEACHER", group_ids=("alg-2",))),
    *(Who("ben", "STUDENT"), Who("dan", "STUDENT"), Who("mia", "MANAGER", "south"), Who("ada", "TEACHER", "south")),
)

# Each is one transaction, by hand. Numbers choose among what there is.
ATTEMPT = "(SELECT id FROM attempts ORDER BY id OFFSET %(n)s %% (SELECT greatest(count(*), 1) FROM attempts) LIMIT 1)"
USER = "(SELECT id FROM users ORDER BY id OFFSET %(n)s %% (SELECT greatest(count(*), 1) FROM users) LIMIT 1)"
MEMBERSHIP = "(SELECT id FROM group_memberships ORDER BY id OFFSET %(n)s %% (SELECT greatest(count(*), 1) FROM group_memberships) LIMIT 1)"
LAB = "(SELECT id FROM labs ORDER BY id OFFSET %(n)s %% (SELECT greatest(count(*), 1) FROM labs) LIMIT 1)"
WRITES = (
    f"""INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, score, skill_match, difficulty, due_at)
    SELECT u.organization_id, u.id, l.id, CASE %(m)s %% 3 WHEN 0 THEN 'FAILED' ELSE 'SUCCEEDED' END,
      now() - %(m)s * interval '1 hour', %(m)s %% 101, (%(m)s %% 10) / 9.0, %(m)s %% 11, now() - %(m)s * interval '50 minutes'
    FROM users u JOIN labs l USING (organization_id) WHERE u.id = {USER} ORDER BY (l.id * 7 + %(m)s) %% 5 LIMIT 1""",
    f"UPDATE attempts SET score = %(m)s %% 101, skill_match = (%(m)s %% 5) / 4.0 WHERE id = {ATTEMPT} AND status <> 'STARTED'",
    f"UPDATE attempts SET deleted_at = CASE WHEN deleted_at IS NULL THEN now() END WHERE id = {ATTEMPT}",
    f"UPDATE attempts SET errors = ARRAY['E' || %(m)s], duration_seconds = %(m)s WHERE id = {ATTEMPT}",
    f"DELETE FROM attempts WHERE id = {ATTEMPT}",
    f"""UPDATE attempts a SET user_id = u.id FROM users u WHERE a.id = {ATTEMPT} AND u.organization_id = a.organization_id
      AND u.external_id = (ARRAY['ben', 'cleo', 'dan', 'gus'])[1 + %(m)s %% 4] AND NOT EXISTS (
        SELECT FROM attempts b WHERE b.user_id = u.id AND b.lab_id = a.lab_id)""",
    f"UPDATE users SET display_name = 'Name ' || %(m)s WHERE id = {USER}",
    f"UPDATE users SET username = 'name-' || id || '-' || %(m)s, email = %(m)s || '@example.org' WHERE id = {USER}",
    f"UPDATE users SET deactivated_at = CASE WHEN deactivated_at IS NULL THEN now() END WHERE id = {USER}",
    "INSERT INTO users (organization_id, external_id, username, display_name) "
    "VALUES (1 + %(m)s %% 2, 'new-' || %(n)s || '-' || %(m)s, 'new-' || %(n)s || '-' || %(m)s, 'A new one') ON CONFLICT DO NOTHING",
    "UPDATE groups SET name = 'Group ' || %(m)s WHERE id = 1 + %(n)s %% 4",
    f"""INSERT INTO group_memberships (organization_id, group_id, user_id, role, valid_from)
    SELECT u.organization_id, g.id, u.id, CASE %(m)s %% 4 WHEN 0 THEN 'LEAD' ELSE 'MEMBER' END, now() + (%(m)s %% 3) * interval '60 ms'
    FROM users u JOIN groups g USING (organization_id)
    WHERE u.id = {USER} AND NOT EXISTS (SELECT FROM group_memberships x WHERE x.user_id = u.id AND x.group_id = g.id)
    ORDER BY (g.id + %(m)s) %% 2 LIMIT 1""",
    f"UPDATE group_memberships SET valid_to = now() + (%(m)s %% 3) * interval '60 ms' WHERE id = {MEMBERSHIP} AND valid_from < now()",
    f"UPDATE group_memberships SET valid_to = NULL WHERE id = {MEMBERSHIP}",
    f"DELETE FROM group_memberships WHERE id = {MEMBERSHIP}",
    f"UPDATE labs SET title = 'Lab ' || %(m)s, archived_at = CASE %(m)s %% 2 WHEN 0 THEN now() END WHERE id = {LAB}",
    f"UPDATE labs SET level_id = NULL WHERE id = {LAB}",
    "UPDATE topics SET title = 'Topic ' || %(m)s WHERE id = 1 + %(n)s %% 4",
    "UPDATE levels SET title = 'Level ' || %(m)s WHERE id = 1 + %(n)s %% 4",
    f"DELETE FROM lab_topics WHERE lab_id = {LAB}",
    f"""INSERT INTO lab_topics (organization_id, lab_id, topic_id) SELECT l.organization_id, l.id, t.id
    FROM labs l JOIN topics t USING (organization_id) WHERE l.id = {LAB} ON CONFLICT DO NOTHING""",
    f"""INSERT INTO assignments (organization_id, lab_id, group_id, due_at) SELECT l.organization_id, l.id, g.id, now()
    FROM labs l JOIN groups g USING (organization_id) WHERE l.id = {LAB} ORDER BY g.id LIMIT 1""",
    "UPDATE assignments SET due_at = now() + %(m)s * interval '1 minute'",
    """INSERT INTO deadline_extensions (assignment_id, organization_id, user_id, due_at)
    SELECT a.id, a.organization_id, m.user_id, now() FROM assignments a JOIN group_memberships m USING (group_id)
    ORDER BY a.id, m.user_id LIMIT 1 ON CONFLICT DO NOTHING""",
    "UPDATE organizations SET name = 'School ' || %(m)s WHERE id = 1 + %(n)s %% 2",
    "SELECT folded FROM fold_attempt_deltas(1 + %(n)s %% 3)",
    "SELECT folded FROM fold_attempt_deltas()",
    "SELECT refresh_view(name) FROM view_refreshes",
)

asked = st.tuples(st.sampled_from(DOCUMENTS), st.sampled_from(PEOPLE[:2]) | st.sampled_from(PEOPLE))
written = st.tuples(st.sampled_from(WRITES), st.integers(0, 40), st.integers(0, 40))


@pytest.fixture(scope="module")
def filled(new_database: Callable[[], Database]) -> Database:
    """A school to be copied; nobody stays connected to it."""
    return new_school(new_database, is_folded=True)


@asynccontextmanager
async def copied(filled: Database, servers: Servers) -> AsyncIterator[Keeper]:
    """A process on a school of its own."""
    url = make_url(filled.url)
    name = f"{url.database}_copy"
    with psycopg.connect(servers.admin_url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {url.database} STRATEGY file_copy")
        keeper = Keeper(Database(url.set(database=name).render_as_string(hide_password=False)), servers)
        try:
            await keeper.hearing()
            yield keeper
        finally:
            await keeper.aclose()
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


async def assert_true(keeper: Keeper, document: str, who: Who) -> bool:
    """Whether the answer was kept, which is then the one that is given beside the cache: before, or where time goes on, after."""
    before = await keeper.ask_anew(document, who)
    kept = await keeper.kept(document, who)
    if body_of(kept) != before:
        assert body_of(kept) == await keeper.ask_anew(document, who), (document, who)
    return isinstance(kept, Kept) and kept.is_hit


@settings(max_examples=EXAMPLES, deadline=None, derandomize="SCOREGRAPH_TEST_EXAMPLES" not in os.environ)
@given(st.lists(asked, min_size=10, max_size=20, unique=True), st.lists(written, min_size=4, max_size=8))
async def test_kept_answers_are_true(
    filled: Database, servers: Servers, questions: list[tuple[str, Who]], writes: list[tuple[str, int, int]]
) -> None:
    async with copied(filled, servers) as keeper:
        for document, who in questions:
            await assert_true(keeper, document, who)
        for statement, n, m in writes:
            with keeper.database.connect(None) as admin:
                admin.execute("SET ROLE scoregraph_worker")
                admin.execute(statement, {"n": n, "m": m})
            await keeper.cache.catch_up()
            for document, who in questions:
                await assert_true(keeper, document, who)


async def test_all_pages_are_kept(filled: Database, servers: Servers) -> None:
    """What is asked above would prove nothing if it were never kept."""
    async with copied(filled, servers) as keeper:
        for document in DOCUMENTS:
            for who in PEOPLE:
                await keeper.ask(document, who)
                answered = await keeper.kept(document, who)
                # How the platform fares depends on the time.
                is_to_be_kept = b'"errors"' not in body_of(answered) and "platform {" not in document
                assert isinstance(answered, Kept) == is_to_be_kept, (document, who)
