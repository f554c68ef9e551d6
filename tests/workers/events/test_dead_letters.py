"""Events that cannot be taken: tried again, in the order of their person, dead, replayed."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from db.queries.dead_letters import lock_due, replay_letters
from settings import DatabaseRole
from tests.commanding import scoregraph
from tests.conftest import Database, Servers
from tests.workers.asking import execute, value
from tests.workers.events.telling import consume, event, retry_due
from workers.events.inbox import MOST_TRIES
from workers.maintenance import clean_up

TAKE_IT = "INSERT INTO users (organization_id, external_id, username, display_name) SELECT id, 'x', 'wanted', 'X' FROM organizations"
GIVE_IT_BACK = "UPDATE users SET username = 'other' WHERE external_id = 'x'"
DUE = "UPDATE dead_letters SET next_try_at = now() WHERE next_try_at IS NOT NULL"
STATES = "SELECT array_agg((code, tries, failed_at IS NOT NULL)::text ORDER BY id) FROM dead_letters WHERE replayed_at IS NULL"
NAME = "SELECT username FROM users WHERE external_id = 'ben'"


async def renamed(engine: AsyncEngine, username: str, person: str = "ben") -> None:
    await consume(engine, [event("user-events", "UserUpdated", {"userId": person, "username": username})])


async def try_until_dead(database: Database, engine: AsyncEngine) -> None:
    while value(database, "SELECT count(*) FROM dead_letters WHERE next_try_at IS NOT NULL"):
        execute(database, DUE)
        await retry_due(engine)


async def test_is_tried_five_times_then_dead_until_it_is_replayed(school: Database, engine: AsyncEngine) -> None:
    execute(school, TAKE_IT)
    await renamed(engine, "wanted")
    tries = 1
    while value(school, "SELECT count(*) FROM dead_letters WHERE next_try_at IS NOT NULL"):
        assert await retry_due(engine) == 0, "its time has not come"
        pause = value(school, "SELECT extract(epoch FROM next_try_at - now()) FROM dead_letters")
        assert 2 ** (tries - 1) - 1 < pause <= 2 ** (tries - 1)
        execute(school, DUE)
        assert await retry_due(engine) == 1
        tries += 1
    assert tries == MOST_TRIES
    assert value(school, STATES) == ["(USERNAME,5,t)"]
    execute(school, GIVE_IT_BACK)
    assert await retry_due(engine) == 0
    async with engine.begin() as connection:
        assert len(await replay_letters(connection, None)) == 1
    assert await retry_due(engine) == 1
    assert value(school, NAME) == "wanted"
    assert value(school, "SELECT num_nonnulls(payload, person) FROM dead_letters WHERE replayed_at IS NOT NULL") == 0


async def test_those_of_the_same_person_wait_behind_it_and_others_do_not(school: Database, engine: AsyncEngine) -> None:
    execute(school, TAKE_IT)
    began = {"attemptId": 1, "userId": "ben", "labType": "l4"}
    await renamed(engine, "wanted")
    await consume(
        engine,
        [
            event("user-events", "UserUpdated", {"userId": "ben", "username": "unwanted"}),
            event("user-events", "UserUpdated", {"userId": "cleo", "username": "cleopatra"}),
        ],
    )
    await consume(engine, [event("lab-events", "AttemptStarted", began, time="2026-04-01T09:00:00Z")])
    assert value(school, STATES) == ["(USERNAME,1,f)", "(WAITS,0,f)", "(WAITS,0,f)"]
    assert value(school, "SELECT username FROM users WHERE external_id = 'cleo'") == "cleopatra"
    assert await retry_due(engine) == 0, "nobody overtakes"
    execute(school, GIVE_IT_BACK)
    execute(school, DUE)
    assert await retry_due(engine) == 3
    assert value(school, NAME) == "unwanted"
    assert value(school, "SELECT count(*) FROM attempts WHERE source = 'KAFKA'") == 1


async def test_once_it_is_dead_the_persons_others_go_on(school: Database, engine: AsyncEngine) -> None:
    execute(school, TAKE_IT)
    await renamed(engine, "wanted")
    await renamed(engine, "unwanted")
    await try_until_dead(school, engine)
    assert value(school, STATES) == ["(USERNAME,5,t)"]
    assert value(school, NAME) == "unwanted"
    await renamed(engine, "free")
    assert value(school, NAME) == "free"


async def test_one_that_the_database_refuses_is_found_among_the_others(school: Database, engine: AsyncEngine) -> None:
    execute(
        school,
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'no' USING ERRCODE = 'ZZ001'; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON attempts FOR EACH ROW WHEN (NEW.score = 13) EXECUTE FUNCTION refuse();
        """,
    )
    told = {"userId": "ben", "labType": "l4", "success": True, "completedAt": "2026-04-01T09:00:00Z"}
    await consume(
        engine,
        [
            event(
                "lab-events",
                "AttemptRecorded",
                {**told, "attemptId": n, "userId": f"p{n}" if n != 13 else "ben", "score": n},
            )
            for n in range(11, 20)
        ]
        + [event("lab-events", "AttemptRecorded", {**told, "attemptId": f"ben-{n}", "score": n}) for n in (1, 13, 2)],
    )
    codes = value(school, "SELECT array_agg(code || ' ' || message ORDER BY id) FROM dead_letters")
    assert codes[0].startswith("UNEXPECTED ")
    assert "(ZZ001)" in codes[0]
    assert [code.split()[0] for code in codes[1:]] == ["WAITS", "WAITS", "WAITS"]
    assert value(school, "SELECT count(*) FROM parked_attempts") == 8, "of people nobody knows yet"
    await try_until_dead(school, engine)
    assert value(school, "SELECT count(*) FROM attempts WHERE source = 'KAFKA'") == 2
    assert value(school, "SELECT count(*) FROM dead_letters WHERE failed_at IS NOT NULL") == 2
    execute(school, "DROP TRIGGER refuse ON attempts")
    async with engine.begin() as connection:
        await replay_letters(connection, None)
    await retry_due(engine)
    assert value(school, "SELECT count(*) FROM attempts WHERE source = 'KAFKA'") == 4


async def test_many_of_somebody_elses_do_not_keep_one_from_its_turn(school: Database, engine: AsyncEngine) -> None:
    nowhere = [event("user-events", "UserUpdated", {"userId": "x"}, organization="nowhere") for _ in range(3)]
    execute(school, TAKE_IT)
    await consume(engine, nowhere)
    await renamed(engine, "wanted")
    execute(
        school,
        "UPDATE dead_letters SET next_try_at = now() - make_interval(secs => CASE code WHEN 'USERNAME' THEN 2 ELSE 1 END)",
    )
    async with engine.begin() as connection:
        letter = await lock_due(connection)
    assert letter is not None
    assert value(school, "SELECT code FROM dead_letters WHERE id = %s", letter.id) == "USERNAME"


async def test_two_workers_try_each_once(school: Database, engine: AsyncEngine) -> None:
    execute(school, TAKE_IT)
    await renamed(engine, "wanted")
    execute(school, DUE)
    with school.connect(DatabaseRole.WORKER) as other, other.transaction():
        other.execute("SELECT 1 FROM dead_letters FOR UPDATE")
        assert await retry_due(engine) == 0


@pytest.mark.parametrize(
    ("role", "seen"), [("ADMIN", 1), ("SERVICE", 0), ("MANAGER", 0), ("TEACHER", 0), ("STUDENT", 0)]
)
@pytest.mark.parametrize("slug", ["north", "south"])
async def test_who_operates_sees_those_of_their_organization(
    slug: str, role: str, seen: int, school: Database, engine: AsyncEngine
) -> None:
    execute(school, TAKE_IT)
    await renamed(engine, "wanted")
    with school.connect(DatabaseRole.API) as api:
        api.execute(
            "SELECT set_config('scoregraph.viewer', to_json(v)::text, false) FROM find_viewer(%s, 'root', %s, NULL) v",
            (slug, role),
        )
        found = api.execute("SELECT count(id) FROM dead_letters").fetchone()
    assert found == (seen if slug == "north" else 0,)


async def test_what_is_over_is_forgotten_after_thirty_days(school: Database, engine: AsyncEngine) -> None:
    await renamed(engine, "free")
    execute(
        school,
        """
        INSERT INTO event_inbox SELECT organization_id, topic, source, 'old', now() - interval '31 days' FROM event_inbox;
        INSERT INTO dead_letters (topic, digest, code, message, tries, replayed_at)
        SELECT 'lab-events', '', age::text, '', 5, now() - age FROM unnest(ARRAY[interval '31 days', '29 days']) AS age;
        INSERT INTO dead_letters (topic, payload, digest, code, message, tries, failed_at)
        VALUES ('lab-events', '', '', 'dead', '', 5, now() - interval '300 days')
        """,
    )
    await clean_up(engine)
    assert value(school, "SELECT array_agg(code ORDER BY id) FROM dead_letters") == ["29 days", "dead"]
    assert value(school, "SELECT count(*) FROM event_inbox") == 1


async def test_the_command(school: Database, engine: AsyncEngine, servers: Servers, tmp_path: Path) -> None:
    urls = {"DATABASE_URL": school.url, "REDIS_URL": servers.redis_url}

    def run(*arguments: str) -> tuple[int, str]:
        done = scoregraph(tmp_path, "events", *arguments, **urls)
        return done.returncode, done.stdout + done.stderr

    execute(
        school,
        "INSERT INTO jobs.consumers VALUES ('g', 'lab-events', 3, 1234, 7, 2, NULL, '2026-04-01Z', '2026-04-02Z')",
    )
    assert run("status") == (
        0,
        "lab-events/3  g  offset 1,234  7 to be taken, 2 at hand  last taken: 2026-04-01 00:00:00Z  as of 2026-04-02 00:00:00Z\n",
    )
    assert run("replay") == (0, "No event is dead.\n")
    execute(school, TAKE_IT)
    await renamed(engine, "wanted")
    await try_until_dead(school, engine)
    key = value(school, "SELECT id FROM dead_letters")
    code, said = run("list")
    assert code == 0
    assert said.startswith(f"{key}  north user-events UserUpdated ")
    assert said.endswith("Z, 5 tries  USERNAME: username: Another person has it.\n")
    assert run("replay", "999") == (1, "scoregraph: There is no dead event 999.\n")
    assert run("replay", str(key)) == (1, f"✗ {key}: USERNAME\n")
    await try_until_dead(school, engine)
    execute(school, GIVE_IT_BACK)
    assert run("replay", str(key)) == (0, f"✓ {key}\n")
    assert value(school, NAME) == "wanted"
