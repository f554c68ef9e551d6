"""What the bench seeds is what the write path would have made, and what the peer is shown has the same row security."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from bench.growth import PAGE
from bench.measure import connect
from bench.peers.postgraphile import make_views
from bench.rollups import read, top_100
from bench.seed import PEOPLE, SIZED_GROUPS, TOPICS, seed
from db.queries.measures import MEASURES
from settings import DatabaseRole
from tests.conftest import Database

ATTEMPTS = PEOPLE * 3


@pytest.fixture(scope="module")
def seeded(new_database: Callable[[], Database]) -> Database:
    database = new_database()
    with connect(database.url) as connection:
        seed(connection, ATTEMPTS, most_tries=1)
    return database


def scalar(database: Database, statement: str, role: DatabaseRole | None = None, **options: str) -> Any:
    with database.connect(role) as connection:
        for name, value in options.items():
            connection.execute("SELECT set_config(%s, %s, false)", (f"scoregraph.{name}", value))
        [row] = connection.execute(statement).fetchall()
        return row[0]


@pytest.mark.parametrize("rollup", ["user_totals", "user_lab_totals", "user_topic_totals", "user_days", "lab_days"])
def test_rollups_add_up_to_the_attempts(seeded: Database, rollup: str) -> None:
    sums = ", ".join(f"sum({name})" for name in MEASURES)
    found = scalar(seeded, f"SELECT ROW({sums})::text FROM {rollup}")
    assert found == scalar(seeded, f"SELECT ROW({sums})::text FROM attempt_measures")
    assert scalar(seeded, "SELECT count(*) FROM attempts") == ATTEMPTS


def test_the_top_is_what_the_gateway_asks_for(seeded: Database) -> None:
    with connect(seeded.url) as connection:
        assert read(connection, top_100(), times=1) > 0
        rows = connection.execute(top_100()).fetchall()
    best = "SELECT array_agg(s::float) FROM (SELECT ranking_score AS s FROM user_totals WHERE active ORDER BY 1 DESC NULLS LAST LIMIT 100) AS t"
    assert [float(row[2]) for row in rows][:100] == pytest.approx(scalar(seeded, best))


def test_one_attempt_is_counted_where_there_is_a_success(seeded: Database) -> None:
    assert (
        scalar(
            seeded,
            """SELECT count(*) FROM (
             SELECT count(*) FILTER (WHERE counted) AS counted, bool_or(success) AS succeeded
             FROM attempts GROUP BY user_id, lab_id
           ) AS pairs WHERE (counted = 1) <> succeeded OR counted > 1""",
        )
        == 0
    )


def test_everybody_goes_from_topic_to_topic(seeded: Database) -> None:
    topics = "SELECT count(*) AS topics FROM user_topic_totals GROUP BY user_id"
    assert scalar(seeded, f"SELECT ARRAY[min(topics), max(topics)] FROM ({topics}) AS t") == [3, 3]
    assert scalar(seeded, "SELECT count(DISTINCT topic_id) FROM user_topic_totals") == TOPICS


def test_groups_of_several_sizes(seeded: Database) -> None:
    sizes = "SELECT count(*) AS size FROM group_memberships m JOIN groups g ON g.id = m.group_id WHERE g.external_id LIKE 's%' GROUP BY g.id"
    assert scalar(seeded, f"SELECT array_agg(size ORDER BY size) FROM ({sizes}) AS s") == list(SIZED_GROUPS)
    assert max(SIZED_GROUPS) > PAGE


MANAGER = {"organization_id": 1, "user_id": PEOPLE + 1, "role": "MANAGER", "group_ids": []}
STUDENT = {"organization_id": 1, "user_id": 7, "role": "STUDENT", "group_ids": []}
VIEWS = ["users", "members", "trend_points", "topic_stats", "groups", "memberships"]


def test_the_peer_is_told_of_the_manager(seeded: Database) -> None:
    assert make_views(seeded.url) == MANAGER


@pytest.mark.parametrize("view", VIEWS)
def test_the_peer_sees_nothing_without_a_viewer(seeded: Database, view: str) -> None:
    make_views(seeded.url)
    count = f"SELECT count(*) FROM peers.{view}"
    assert scalar(seeded, count, DatabaseRole.API) == 0
    some = scalar(seeded, count, DatabaseRole.API, viewer=json.dumps(STUDENT))
    limited = f"SELECT count(*) FROM (SELECT FROM peers.{view} LIMIT 1000) AS rows"
    assert 0 < some < scalar(seeded, limited, DatabaseRole.API, viewer=json.dumps(MANAGER))
