"""Whatever is written to attempts, in whatever order: `counted` and all numbers follow. What is refused."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import errors

from tests.conftest import Database
from tests.db.learning import (
    LIVE_VIEWS,
    MEASURES,
    Connection,
    add_attempt,
    add_group,
    add_lab,
    add_member,
    add_organization,
    add_topic,
    add_user,
    expected_score,
    first_successes,
    fold,
    insert,
    one_decimal,
    read_attempts,
    read_totals,
    recompute,
    score_of,
)

ROLLUPS = ("user_totals", "user_lab_totals", "user_topic_totals", "user_days", "lab_days")


@dataclass(frozen=True)
class Place:
    """Two people, two labs and two topics of one organization: few, so that changes meet."""

    organization_id: int
    user_ids: tuple[int, int]
    lab_ids: tuple[int, int]
    topic_ids: tuple[int, int]


@dataclass(frozen=True)
class School:
    connection: Connection
    places: tuple[Place, Place]


@pytest.fixture(scope="module")
def school(database: Database) -> Iterator[School]:
    with database.connect() as connection:
        places = []
        for zone in ("Europe/Madrid", "Asia/Kathmandu"):
            organization_id = add_organization(connection, zone)
            labs = (add_lab(connection, organization_id), add_lab(connection, organization_id))
            places.append(
                Place(
                    organization_id,
                    (add_user(connection, organization_id), add_user(connection, organization_id)),
                    labs,
                    (add_topic(connection, organization_id, labs[:1]), add_topic(connection, organization_id, labs)),
                )
            )
        yield School(connection, (places[0], places[1]))


def check(connection: Connection) -> None:
    """Every number against the raw attempts, and `counted` against its rule."""
    attempts = read_attempts(connection)
    first = first_successes(attempts)
    counted = connection.execute("SELECT user_id, lab_id, id FROM attempts WHERE counted").fetchall()
    assert sorted(((user, lab), id) for user, lab, id in counted) == sorted(first.items())
    keys = [("organization_id", *key) for key in LIVE_VIEWS.values()]
    *expected, people, topics = recompute(attempts, *keys, ("user_id",), ("user_id", "topic_id"))
    for view, totals in zip(LIVE_VIEWS, expected, strict=True):
        assert read_totals(connection, view) == totals, view
    for view, totals in (("user_totals_live", people), ("user_topic_totals_live", topics)):
        shown = connection.execute(f"SELECT {', '.join(LIVE_VIEWS[view])}, ranking_score FROM {view}").fetchall()
        for *key, ranking_score in shown:
            score = score_of(totals[tuple(key)]) if tuple(key) in totals else None
            shown_score = None if ranking_score is None else float(ranking_score)
            assert shown_score == (None if score is None else float(one_decimal(score)))


# --- any interleaving of writes --------------------------------------------------------------------------

# Around midnight and the end of summer time in Madrid (2025-10-26 01:00 UTC); Kathmandu is at +05:45.
MOMENTS = [
    datetime(2025, 10, 25, 18, 14, 59, 999999, UTC),  # 23:59:59.999999 in Kathmandu
    datetime(2025, 10, 25, 18, 15, tzinfo=UTC),  # midnight in Kathmandu
    datetime(2025, 10, 25, 21, 59, 59, 999999, UTC),
    datetime(2025, 10, 25, 22, 0, tzinfo=UTC),  # midnight in Madrid, summer time
    datetime(2025, 10, 26, 0, 30, tzinfo=UTC),  # 02:30, the first of two
    datetime(2025, 10, 26, 1, 30, tzinfo=UTC),  # 02:30 again
    datetime(2025, 10, 26, 22, 59, 59, 999999, UTC),
    datetime(2025, 10, 26, 23, 0, tzinfo=UTC),  # midnight in Madrid, winter time
]
moments = st.sampled_from(MOMENTS)
statuses = st.sampled_from(("SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "FAILED", "ABANDONED", "STARTED"))
CHANGES = {
    "completed_at": moments,
    "due_at": st.none() | moments | st.builds(lambda m: m + timedelta(microseconds=1), moments),
    "duration_seconds": st.sampled_from([None, "0", "0.001", "61.5", "2592000", "2592000.001", "9999999999"]),
    "score": st.sampled_from([None, "0", "55.5555", "100"]),
    "accuracy": st.sampled_from([None, "0", "0.333333", "1"]),
    "skill_match": st.sampled_from([None, "0", "0.666667", "1"]),
    "difficulty": st.sampled_from([None, "0", "3.3333", "10"]),
    "hints_used": st.sampled_from([None, 0, 1, 1_000_000]),
}
place = st.integers(0, 1)
chosen = st.lists(st.integers(0, 11), min_size=1, max_size=4)

new_attempt = st.fixed_dictionaries(
    {"place": place, "user": place, "lab": place, "status": statuses, "counted": st.booleans(), **CHANGES}
)
operation = st.one_of(
    st.tuples(st.just("insert"), st.lists(new_attempt, min_size=1, max_size=5)),
    st.tuples(st.just("set"), chosen, st.fixed_dictionaries({}, optional=CHANGES).filter(bool)),
    st.tuples(st.just("status"), chosen, statuses, moments),
    st.tuples(st.just("user"), chosen, place),
    st.tuples(st.just("lab"), chosen, place),
    st.tuples(st.just("counted"), chosen, st.booleans()),
    st.tuples(st.just("deleted_at"), chosen, st.booleans()),
    st.tuples(st.just("delete"), chosen),
    st.tuples(st.just("topics"), place, st.lists(st.tuples(place, place), unique=True, max_size=4)),
    st.tuples(st.just("topic"), place, place),
    st.tuples(st.just("fold"), st.sampled_from((1, 2, 3, 50_000))),
)
transaction = st.tuples(st.lists(operation, min_size=1, max_size=4), st.sampled_from((True,) * 5 + (False,)))
beginning = st.tuples(st.just("insert"), st.lists(new_attempt, min_size=3, max_size=8))
programs = st.builds(
    lambda first, others: [([first], True), *others],
    beginning,
    st.lists(transaction, min_size=1, max_size=6),
)


def apply(school: School, op: tuple[Any, ...]) -> None:
    connection = school.connection
    kind, argument, *rest = op
    if kind == "insert":
        insert_batch(school, argument)
        return
    if kind == "fold":
        fold(connection, argument)
        return
    if kind == "topics":
        replace_topics(connection, school.places[argument], *rest)
        return
    if kind == "topic":
        swap_topics(connection, school.places[argument], *rest)
        return
    known = [row[0] for row in connection.execute("SELECT id FROM attempts ORDER BY id")]
    ids = sorted({known[index % len(known)] for index in argument}) if known else []
    if kind == "set":
        changes = {name: f"%({name})s" for name in rest[0]}
        if "completed_at" in changes:
            changes["completed_at"] = "CASE WHEN status <> 'STARTED' THEN %(completed_at)s::timestamptz END"
        connection.execute(
            f"UPDATE attempts SET {', '.join(f'{name} = {value}' for name, value in changes.items())}"
            " WHERE id = ANY(%(ids)s)",
            rest[0] | {"ids": ids},
        )
    elif kind == "status":
        status, moment = rest
        connection.execute(
            "UPDATE attempts SET status = %(status)s, completed_at ="
            " CASE WHEN %(status)s <> 'STARTED' THEN %(moment)s::timestamptz END WHERE id = ANY(%(ids)s)",
            {"status": status, "moment": moment, "ids": ids},
        )
    elif kind in ("user", "lab"):
        connection.execute(
            f"UPDATE attempts a SET {kind}_id = p.ids[%s] FROM (VALUES (%s::bigint, %s::bigint[]), (%s, %s))"
            " AS p (organization_id, ids) WHERE p.organization_id = a.organization_id AND a.id = ANY(%s)",
            (
                rest[0] + 1,
                *(part for at in school.places for part in (at.organization_id, list(getattr(at, f"{kind}_ids")))),
                ids,
            ),
        )
    elif kind == "counted":
        # A second counted attempt of a pair is refused; whatever is accepted must not stay wrong.
        try:
            with connection.transaction():
                connection.execute("UPDATE attempts SET counted = %s WHERE id = ANY(%s)", (rest[0], ids))
        except errors.UniqueViolation:
            pass
    elif kind == "deleted_at":
        connection.execute(
            "UPDATE attempts SET deleted_at = CASE WHEN %s THEN now() END WHERE id = ANY(%s)", (rest[0], ids)
        )
    else:
        connection.execute("DELETE FROM attempts WHERE id = ANY(%s)", (ids,))


COLUMNS = ("organization_id", "user_id", "lab_id", "status", "counted", *CHANGES)


def insert_batch(school: School, batch: list[dict[str, Any]]) -> None:
    """One statement for all rows. Those that say `counted` for a pair that has one are refused."""
    rows = []
    for one in batch:
        at = school.places[one["place"]]
        completed_at = None if one["status"] == "STARTED" else one["completed_at"]
        row = one | {
            "organization_id": at.organization_id,
            "user_id": at.user_ids[one["user"]],
            "lab_id": at.lab_ids[one["lab"]],
            "completed_at": completed_at,
        }
        rows.append([row[name] for name in COLUMNS])
    statement = f"INSERT INTO attempts ({', '.join(COLUMNS)}) VALUES " + ", ".join(
        f"({', '.join(['%s'] * len(COLUMNS))})" for _ in rows
    )
    try:
        with school.connection.transaction():
            school.connection.execute(statement, [value for row in rows for value in row])
    except errors.UniqueViolation:
        for row in rows:
            row[COLUMNS.index("counted")] = False
        school.connection.execute(statement, [value for row in rows for value in row])


def replace_topics(connection: Connection, at: Place, pairs: list[tuple[int, int]]) -> None:
    """Labs are in these topics and no others: as a roster does it, in two statements, some rows unchanged."""
    wanted = [(at.lab_ids[lab], at.topic_ids[topic]) for lab, topic in pairs]
    values = {
        "organization": at.organization_id,
        "labs": [lab for lab, _ in wanted],
        "topics": [topic for _, topic in wanted],
    }
    connection.execute(
        "DELETE FROM lab_topics WHERE organization_id = %(organization)s AND (lab_id, topic_id) NOT IN"
        " (SELECT * FROM unnest(%(labs)s::bigint[], %(topics)s::bigint[]))",
        values,
    )
    connection.execute(
        "INSERT INTO lab_topics SELECT %(organization)s, lab, topic"
        " FROM unnest(%(labs)s::bigint[], %(topics)s::bigint[]) AS n (lab, topic)"
        " ON CONFLICT (lab_id, topic_id) DO UPDATE SET organization_id = excluded.organization_id",
        values,
    )


def swap_topics(connection: Connection, at: Place, lab: int) -> None:
    """What was in one of the topics only is in the other only."""
    one, other = at.topic_ids
    connection.execute(
        "UPDATE lab_topics t SET topic_id = %(one)s::bigint + %(other)s - topic_id WHERE lab_id = %(lab)s"
        " AND NOT EXISTS (SELECT FROM lab_topics o WHERE o.lab_id = t.lab_id AND o.topic_id <> t.topic_id)",
        {"one": one, "other": other, "lab": at.lab_ids[lab]},
    )


class Undone(Exception):
    """Ends a transaction that is to leave nothing."""


@settings(max_examples=200, deadline=None)
@given(transactions=programs)
def test_numbers_follow_every_change(school: School, transactions: list[tuple[list[Any], bool]]) -> None:
    connection = school.connection
    connection.execute("DELETE FROM attempts")  # what an example that failed left
    for operations, is_kept in transactions:
        try:
            with connection.transaction():
                for op in operations:
                    apply(school, op)
                if not is_kept:
                    raise Undone
        except Undone:
            pass
        check(connection)
    before = {view: read_totals(connection, view) for view in LIVE_VIEWS}
    while fold(connection):
        pass
    assert {view: read_totals(connection, view) for view in LIVE_VIEWS} == before, "folding shows nothing"
    assert {f"{rollup}_live": read_totals(connection, rollup) for rollup in ROLLUPS} == before
    connection.execute("DELETE FROM attempts")
    assert all(read_totals(connection, view) == {} for view in LIVE_VIEWS)
    fold(connection)
    assert all(read_totals(connection, rollup) == {} for rollup in ROLLUPS)


# --- single rules, by name -------------------------------------------------------------------------------


@pytest.fixture
def room(database: Database) -> Iterator[tuple[Connection, int, int, int]]:
    """A connection, and an organization in Madrid with a person and a lab of its own."""
    with database.connect() as connection:
        organization_id = add_organization(connection, "Europe/Madrid")
        yield (
            connection,
            organization_id,
            add_user(connection, organization_id),
            add_lab(connection, organization_id),
        )


def counted_id(connection: Connection, user_id: int, lab_id: int) -> int | None:
    row = connection.execute(
        "SELECT id FROM attempts WHERE user_id = %s AND lab_id = %s AND counted", (user_id, lab_id)
    ).fetchone()
    return row[0] if row else None


def test_a_late_arrival_takes_over(room: tuple[Connection, int, int, int]) -> None:
    connection, *ids = room
    later = add_attempt(connection, *ids, completed_at="2025-06-02 12:00Z")
    assert counted_id(connection, *ids[1:]) == later
    add_attempt(connection, *ids, completed_at="2025-06-01 12:00Z", status="FAILED")
    assert counted_id(connection, *ids[1:]) == later
    earlier = add_attempt(connection, *ids, completed_at="2025-06-01 13:00Z")
    assert counted_id(connection, *ids[1:]) == earlier
    add_attempt(connection, *ids, completed_at="2025-06-01 13:00Z")  # the same instant: the lower id stays
    assert counted_id(connection, *ids[1:]) == earlier


def test_deletion_and_restoration_are_an_identity(room: tuple[Connection, int, int, int]) -> None:
    connection, *ids = room
    first = add_attempt(connection, *ids, due_at="2025-06-03Z", skill_match=1, difficulty=5)
    second = add_attempt(connection, *ids, completed_at="2025-06-04Z", difficulty=9)
    before = {view: read_totals(connection, view) for view in LIVE_VIEWS}
    connection.execute("UPDATE attempts SET deleted_at = now() WHERE id = %s", (first,))
    assert counted_id(connection, *ids[1:]) == second
    assert read_totals(connection, "user_totals_live") != before["user_totals_live"]
    connection.execute("UPDATE attempts SET deleted_at = NULL WHERE id = %s", (first,))
    assert counted_id(connection, *ids[1:]) == first
    assert {view: read_totals(connection, view) for view in LIVE_VIEWS} == before


def test_a_counted_attempt_moves_onto_a_counted_one(room: tuple[Connection, int, int, int]) -> None:
    """Merging two labs (or people) moves counted attempts together; the earlier of them counts."""
    connection, organization_id, user_id, lab_id = room
    other_lab = add_lab(connection, organization_id)
    there = add_attempt(connection, organization_id, user_id, other_lab, completed_at="2025-06-05Z")
    here = add_attempt(connection, organization_id, user_id, lab_id, completed_at="2025-06-04Z")
    connection.execute("UPDATE attempts SET lab_id = %s WHERE id = %s", (other_lab, here))
    assert counted_id(connection, user_id, lab_id) is None
    assert counted_id(connection, user_id, other_lab) == here
    connection.execute("UPDATE attempts SET lab_id = %s WHERE id IN (%s, %s)", (lab_id, here, there))
    assert counted_id(connection, user_id, lab_id) == here
    check(connection)


def test_upsert_and_copy_are_counted(database: Database, room: tuple[Connection, int, int, int]) -> None:
    connection, organization_id, user_id, lab_id = room
    for score in (10, 20):  # inserted, then updated
        connection.execute(
            "INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, score, source_id)"
            " VALUES (%s, %s, %s, 'SUCCEEDED', '2025-06-02Z', %s, 'once')"
            " ON CONFLICT (organization_id, source, source_id, user_id) WHERE source_id IS NOT NULL"
            " DO UPDATE SET score = excluded.score",
            (organization_id, user_id, lab_id, score),
        )
    # COPY FROM is for those whom row security does not concern.
    with (
        database.connect(None) as superuser,
        superuser.cursor().copy(
            "COPY attempts (organization_id, user_id, lab_id, status, completed_at) FROM STDIN"
        ) as copy,
    ):
        for day in (3, 1):
            copy.write_row((organization_id, user_id, lab_id, "SUCCEEDED", f"2025-06-0{day} 12:00Z"))
    check(connection)
    totals = read_totals(connection, "user_totals_live")[organization_id, user_id]
    assert dict(zip(MEASURES, totals, strict=True))["score_sum"] == 20
    assert dict(zip(MEASURES, totals, strict=True))["attempts"] == 3


def test_emptying_the_table_at_once_is_refused(room: tuple[Connection, int, int, int]) -> None:
    """TRUNCATE shows no rows to a trigger, so the rollups could not follow it."""
    connection, *ids = room
    add_attempt(connection, *ids)
    with pytest.raises(errors.FeatureNotSupported):
        connection.execute("TRUNCATE attempts CASCADE")
    check(connection)


def test_a_second_counted_attempt_is_refused(room: tuple[Connection, int, int, int]) -> None:
    connection, *ids = room
    add_attempt(connection, *ids)
    with pytest.raises(errors.UniqueViolation):
        add_attempt(connection, *ids, completed_at="2025-06-09Z", counted=True)
    check(connection)


@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
def test_a_snapshot_that_cannot_see_others_may_not_write(
    database: Database, room: tuple[Connection, int, int, int], isolation: str
) -> None:
    connection, *ids = room
    first = add_attempt(connection, *ids)
    with database.connect() as late, late.transaction():
        late.execute(f"SET TRANSACTION ISOLATION LEVEL {isolation}")
        late.execute("SELECT FROM attempts")
        # To the other one this attempt still counts, so its own would not.
        connection.execute("DELETE FROM attempts WHERE id = %s", (first,))
        with pytest.raises(errors.InvalidTransactionState), late.transaction():
            add_attempt(late, *ids)
    check(connection)


def test_days_are_those_of_the_organization(database: Database) -> None:
    """20:00 UTC is the same day in Madrid and the next in Kathmandu; 22:30 in June is the next in both."""
    with closing(database.connect()) as connection:
        for zone, days in (("Europe/Madrid", {2: 1, 3: 1}), ("Asia/Kathmandu", {3: 2})):
            organization_id = add_organization(connection, zone)
            user_id, lab_id = add_user(connection, organization_id), add_lab(connection, organization_id)
            for hour in ("20:00", "22:30"):
                add_attempt(connection, organization_id, user_id, lab_id, completed_at=f"2025-06-02 {hour}+00")
            found = connection.execute(
                "SELECT extract(day FROM day)::int, attempts FROM user_days_live WHERE user_id = %s",
                (user_id,),
            )
            assert dict(found.fetchall()) == days


def test_the_zone_of_an_organization_with_attempts_stays(room: tuple[Connection, int, int, int]) -> None:
    connection, organization_id, *_ = room
    move = "UPDATE organizations SET time_zone = 'Asia/Tokyo' WHERE id = %s"
    connection.execute(move, (organization_id,))
    add_attempt(connection, *room[1:])
    with pytest.raises(errors.CheckViolation):
        connection.execute(move.replace("Tokyo", "Seoul"), (organization_id,))


def test_a_zone_is_not_changed_while_an_attempt_is_being_written(
    database: Database, room: tuple[Connection, int, int, int]
) -> None:
    connection, organization_id, *_ = room
    with database.connect() as writer, writer.transaction():
        add_attempt(writer, *room[1:])
        connection.execute("SET lock_timeout = '100ms'")
        with pytest.raises(errors.LockNotAvailable):
            connection.execute("UPDATE organizations SET time_zone = 'Asia/Tokyo' WHERE id = %s", (organization_id,))
    check(connection)


def test_deactivation_shows_at_once(room: tuple[Connection, int, int, int]) -> None:
    connection, _, user_id, _ = room
    for value, is_active in (("now()", False), ("NULL", True)):
        connection.execute(f"UPDATE users SET deactivated_at = {value} WHERE id = %s", (user_id,))
        row = connection.execute("SELECT active FROM user_totals_live WHERE user_id = %s", (user_id,)).fetchone()
        assert row == (is_active,)


# --- what is refused -------------------------------------------------------------------------------------

REFUSED: list[dict[str, object]] = [
    *(
        {column: value}
        for column in (
            "duration_seconds",
            "score",
            "accuracy",
            "skill_match",
            "difficulty",
            "memory_mib",
            "cpu_percent",
        )
        for value in ("NaN", "Infinity", "-Infinity", "-0.001")
    ),
    *({column: value} for column in ("completed_at", "started_at", "due_at") for value in ("infinity", "-infinity")),
    {"hints_used": -1},
    {"score": "100.0001"},
    {"accuracy": "1.000001"},
    {"skill_match": "1.000001"},
    {"difficulty": "10.0001"},
    {"difficulty": "11"},
    {"started_at": "2025-06-02 12:00:00.000001+00"},  # after the end
    {"status": "STARTED", "started_at": "infinity"},
    {"status": "DONE"},
    {"status": None},
    {"source": "FAX"},
    {"source_id": ""},
    {"revision": 0},
    {"errors": ["E"] * 101},
    {"duration_seconds": "10000000000"},
]


@pytest.mark.parametrize("columns", REFUSED, ids=str)
def test_nonsense_is_refused(room: tuple[Connection, int, int, int], columns: dict[str, object]) -> None:
    connection, *ids = room
    with pytest.raises((errors.CheckViolation, errors.NumericValueOutOfRange, errors.NotNullViolation)):
        add_attempt(connection, *ids, **columns)
    kept = add_attempt(connection, *ids)
    with pytest.raises((errors.CheckViolation, errors.NumericValueOutOfRange, errors.NotNullViolation)):
        connection.execute(
            f"UPDATE attempts SET {', '.join(f'{name} = %({name})s' for name in columns)} WHERE id = %(kept)s",
            columns | {"kept": kept},
        )


def test_the_edges_are_accepted(room: tuple[Connection, int, int, int]) -> None:
    connection, *ids = room
    instant = "2025-06-02 12:00+00"
    add_attempt(connection, *ids, started_at=instant, completed_at=instant, due_at=instant, duration_seconds=0)
    for edge in ({"score": 0}, {"score": 100}, {"accuracy": 1}, {"skill_match": 0}, {"difficulty": 0}):
        add_attempt(connection, *ids, **edge)
    add_attempt(connection, *ids, difficulty=10, duration_seconds="9999999999", errors=["E"] * 100)
    check(connection)


def test_started_and_finished_exclude_each_other(room: tuple[Connection, int, int, int]) -> None:
    connection, *ids = room
    with pytest.raises(errors.CheckViolation):
        insert_raw(connection, ids, "STARTED", "2025-06-02Z")
    for status in ("SUCCEEDED", "FAILED", "ABANDONED"):
        with pytest.raises(errors.CheckViolation):
            insert_raw(connection, ids, status, None)


def insert_raw(connection: Connection, ids: list[int], status: str, completed_at: str | None) -> None:
    connection.execute(
        "INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at) VALUES (%s, %s, %s, %s, %s)",
        (*ids, status, completed_at),
    )


@pytest.mark.parametrize(
    "zone",
    [
        "",
        "Nowhere",
        "Europe/Atlantis",
        "+3",
        "UTC+3",
        "EST5EDT",
        "CET",
        "Nowhere/Land5",
        "Europe/Madrid+3",
        "Etc/GMT+99",
        "Europe/Madrid ",
        "../etc/passwd",
    ],
)
def test_an_unknown_zone_is_refused(room: tuple[Connection, int, int, int], zone: str) -> None:
    connection, organization_id, user_id, _ = room
    with pytest.raises(errors.CheckViolation):
        add_organization(connection, zone)
    with pytest.raises(errors.CheckViolation):
        connection.execute("UPDATE users SET time_zone = %s WHERE id = %s", (zone, user_id))
    with pytest.raises(errors.CheckViolation):
        insert(connection, "groups", organization_id=organization_id, external_id="z", name="z", time_zone=zone)


def test_every_zone_of_the_server_is_accepted(room: tuple[Connection, int, int, int]) -> None:
    connection, *_ = room
    refused = connection.execute(
        "SELECT name FROM pg_timezone_names WHERE name ~ '^[A-Z].*/' AND NOT is_time_zone(name)"
    ).fetchall()
    assert refused == []
    assert connection.execute("SELECT is_time_zone('UTC'), is_time_zone(NULL)").fetchone() == (True, None)


@pytest.mark.parametrize(
    ("first", "second", "is_refused"),
    [
        ((-10, None), (-5, None), True),
        ((-10, None), (-20, -9), True),
        ((-10, -5), (-6, -1), True),
        ((-10, -5), (-20, 20), True),
        ((-10, -5), (-5, None), False),  # they touch
        ((-10, -5), (-20, -10), False),
    ],
)
def test_memberships_do_not_overlap(
    room: tuple[Connection, int, int, int],
    first: tuple[int, int | None],
    second: tuple[int, int | None],
    is_refused: bool,
) -> None:
    connection, organization_id, user_id, _ = room
    group_id = add_group(connection, organization_id)
    with connection.transaction():  # one now() for both
        add_member(connection, organization_id, group_id, user_id, days=first)
        add_member(connection, organization_id, group_id, user_id, role="LEAD", days=second)
        if is_refused:
            with pytest.raises(errors.ExclusionViolation), connection.transaction():
                add_member(connection, organization_id, group_id, user_id, days=second)
        else:
            add_member(connection, organization_id, group_id, user_id, days=second)
            with pytest.raises(errors.ExclusionViolation), connection.transaction():
                connection.execute(
                    "UPDATE group_memberships SET valid_from = '2000-01-01Z', valid_to = NULL"
                    " WHERE group_id = %s AND role = 'MEMBER' AND valid_to IS NOT NULL",
                    (group_id,),
                )


@pytest.mark.parametrize("days", [(0, 0), (1, -1)])
def test_a_membership_ends_after_it_begins(room: tuple[Connection, int, int, int], days: tuple[int, int]) -> None:
    connection, organization_id, user_id, _ = room
    with pytest.raises(errors.CheckViolation):
        add_member(connection, organization_id, add_group(connection, organization_id), user_id, days=days)


def test_nothing_refers_to_another_organization(room: tuple[Connection, int, int, int]) -> None:
    connection, home, user_id, lab_id = room
    abroad = add_organization(connection)
    stranger, strange_lab = add_user(connection, abroad), add_lab(connection, abroad)
    strange_group = add_group(connection, abroad)
    strange_topic = insert(connection, "topics", organization_id=abroad, external_id="t", title="t")
    strange_level = insert(connection, "levels", organization_id=abroad, position=1, title="one")
    strange_assignment = insert(connection, "assignments", organization_id=abroad, lab_id=strange_lab, user_id=stranger)

    def attempt(**columns: object) -> None:
        ids = {"organization_id": home, "user_id": user_id, "lab_id": lab_id}
        insert(
            connection,
            "attempts",
            **(ids | {"status": "SUCCEEDED", "completed_at": "2025-06-02Z"} | columns),
        )

    for columns in (
        {"user_id": stranger},
        {"lab_id": strange_lab},
        {"organization_id": abroad},
        {"assignment_id": strange_assignment},
    ):
        with pytest.raises(errors.ForeignKeyViolation):
            attempt(**columns)
    for table, returning, columns in (
        ("group_memberships", "id", {"group_id": strange_group, "user_id": user_id}),
        ("assignments", "id", {"lab_id": strange_lab, "user_id": user_id}),
        ("assignments", "id", {"lab_id": lab_id, "user_id": stranger}),
        ("assignments", "id", {"lab_id": lab_id, "group_id": strange_group}),
        ("lab_topics", "lab_id", {"lab_id": lab_id, "topic_id": strange_topic}),
        ("labs", "id", {"type": "x", "title": "x", "level_id": strange_level}),
        (
            "deadline_extensions",
            "user_id",
            {"assignment_id": strange_assignment, "user_id": user_id, "due_at": "2025-06-02Z"},
        ),
    ):
        with pytest.raises(errors.ForeignKeyViolation):
            insert(connection, table, returning, organization_id=home, **columns)
    attempt()  # and with everything at home it is accepted


def test_the_same_source_id_is_accepted_once(room: tuple[Connection, int, int, int]) -> None:
    connection, *ids = room
    add_attempt(connection, *ids, source="XAPI", source_id="statement-1")
    with pytest.raises(psycopg.errors.UniqueViolation):
        add_attempt(connection, *ids, source="XAPI", source_id="statement-1")
    add_attempt(connection, *ids, source="LTI", source_id="statement-1")


def test_the_golden_score_comes_out_of_attempts(database: Database) -> None:
    """Ten tasks, all on time, skill 0.9, difficulty 8.75: 94.5, for whoever reads the live view."""
    with database.connect() as connection:
        organization_id = add_organization(connection)
        user_id = add_user(connection, organization_id)
        for _ in range(10):
            add_attempt(
                connection,
                organization_id,
                user_id,
                add_lab(connection, organization_id),
                due_at="2025-06-02 12:00+00",
                skill_match="0.9",
                difficulty="8.75",
            )
        assert expected_score(10, 10, Decimal(9), 10, Decimal("87.5"), 10) == Decimal("94.5")
        row = connection.execute(
            "SELECT score, ranking_score, experience_level FROM user_totals_live WHERE user_id = %s",
            (user_id,),
        ).fetchone()
        assert row == (Decimal("94.5"), Decimal("94.5"), 4)
