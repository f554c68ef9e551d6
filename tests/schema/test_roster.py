"""Keeping the roster: all or nothing, by the ids of the source system."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from db.changes import CHANNEL
from tests.asking import Answer, Asker

ROOT: dict[str, Any] = {"person": "root", "role": "ADMIN"}
SERVICE: dict[str, Any] = {"person": "sync", "role": "SERVICE"}

ERRORS = """userErrors { __typename code path message
  ... on ValidationError { rule } ... on ConflictError { currentRevision } ... on ForbiddenError { permission }
  ... on IdempotencyMismatchError { firstDifference } }"""
USERS = f"""mutation ($input: UpsertUsersInput!) {{ upsertUsers(input: $input) {{
  users {{ id externalId username displayName role timeZone deactivatedAt performance {{ score }} }} replayed {ERRORS} }} }}"""
GROUPS = f"""mutation ($input: UpsertGroupsInput!) {{ upsertGroups(input: $input) {{
  groups {{ externalId name kind timeZone }} replayed {ERRORS} }} }}"""
TOPICS = f"""mutation ($input: UpsertTopicsInput!) {{ upsertTopics(input: $input) {{
  topics {{ externalId title }} replayed {ERRORS} }} }}"""
LEVELS = f"""mutation ($input: UpsertLevelsInput!) {{ upsertLevels(input: $input) {{
  levels {{ position title }} replayed {ERRORS} }} }}"""
LABS = f"""mutation ($input: UpsertLabsInput!) {{ upsertLabs(input: $input) {{
  labs {{ type title difficulty requiredSkills archivedAt level {{ position }} topics {{ externalId }} }}
  replayed {ERRORS} }} }}"""
MEMBERSHIP = f"""mutation ($input: SetGroupMembershipInput!) {{ setGroupMembership(input: $input) {{
  membership {{ id role validFrom validTo user {{ externalId }} group {{ externalId }} }} replayed {ERRORS} }} }}"""


def payload(answer: Answer) -> dict[str, Any]:
    assert answer.errors == []
    assert answer.data is not None
    (found,) = answer.data.values()
    return dict(found)


def told(answer: Answer) -> list[tuple[str, str, str | None]]:
    """Code, path and rule of each error."""
    return [(e["code"], ".".join(e["path"]), e.get("rule")) for e in payload(answer)["userErrors"]]


def rows(ask: Asker, statement: str, *values: object) -> list[tuple[Any, ...]]:
    with ask.database.connect(None) as connection:
        return connection.execute(statement, values).fetchall()


async def test_people_are_added_and_changed(fresh_ask: Asker) -> None:
    new = {"externalId": "zoe", "username": "Zoe.Z", "displayName": "Zoe\u0308 Zed", "email": "zoe@x.example"}
    old = {"externalId": "ben", "displayName": "Ben B.", "timeZone": "Asia/Kathmandu"}
    answer = payload(await fresh_ask(USERS, {"input": {"users": [new, old]}}, **SERVICE))
    assert answer["userErrors"] == []
    zoe, ben = answer["users"]
    # NFC: e and the two dots have become one letter.
    assert (zoe["username"], zoe["displayName"], zoe["role"], zoe["timeZone"]) == (
        "Zoe.Z",
        "Zo\u00eb Zed",
        "STUDENT",
        None,
    )
    # What was not said of ben is as it was, and so is his score.
    assert (ben["username"], ben["displayName"], ben["role"], ben["timeZone"]) == (
        "ben",
        "Ben B.",
        "STUDENT",
        "Asia/Kathmandu",
    )
    assert ben["performance"]["score"] == 62.0
    assert rows(fresh_ask, "SELECT email FROM users WHERE external_id = 'ben' AND organization_id = 1") == [
        ("ben@north.example",)
    ]
    # Null takes away; the other organization's ben is somebody else.
    gone = {"externalId": "ben", "email": None, "timeZone": None, "role": "TEACHER"}
    (ben,) = payload(await fresh_ask(USERS, {"input": {"users": [gone]}}, **ROOT))["users"]
    assert (ben["timeZone"], ben["role"], ben["displayName"]) == (None, "TEACHER", "Ben B.")
    assert rows(
        fresh_ask, "SELECT email, display_name FROM users WHERE external_id = 'ben' ORDER BY organization_id"
    ) == [(None, "Ben B."), ("ben@south.example", "Ben Bauer (south)")]


async def test_deactivated_people_leave_the_boards_and_come_back(fresh_ask: Asker) -> None:
    ranked = '{ users { nodes { externalId } } user(by: {externalId: "ben"}) { rank { rankedPeople } } }'
    before = (await fresh_ask(ranked, **ROOT)).data
    off = {"users": [{"externalId": "cleo", "deactivatedAt": "2026-05-01T00:00:00Z"}]}
    assert payload(await fresh_ask(USERS, {"input": off}, **ROOT))["users"][0]["deactivatedAt"].startswith("2026-05-01")
    without = (await fresh_ask(ranked, **ROOT)).data
    assert before is not None
    assert without is not None
    assert "cleo" not in [node["externalId"] for node in without["users"]["nodes"]]
    assert without["user"]["rank"]["rankedPeople"] == before["user"]["rank"]["rankedPeople"] - 1
    on = {"users": [{"externalId": "cleo", "deactivatedAt": None}]}
    await fresh_ask(USERS, {"input": on}, **ROOT)
    assert (await fresh_ask(ranked, **ROOT)).data == before


@pytest.mark.parametrize("zone", ["CET", "Japan", "EST5EDT"])
async def test_a_zone_is_that_of_a_place(fresh_ask: Asker, zone: str) -> None:
    answer = await fresh_ask(USERS, {"input": {"users": [{"externalId": "ben", "timeZone": zone}]}}, **ROOT)
    assert told(answer) == [("VALIDATION", "input.users.0.timeZone", "FORMAT")]


async def test_one_wrong_item_and_nothing_is_written(fresh_ask: Asker) -> None:
    people: list[dict[str, Any]] = [
        {"externalId": "ok", "username": "ok", "displayName": "Ok"},
        {"externalId": "", "username": "x" * 201, "displayName": " \t"},
        {"externalId": "mail", "username": "mail", "displayName": "M", "email": "no address"},
        {"externalId": "zone", "username": "zone", "displayName": "Z", "timeZone": "europe/madrid"},
        {"externalId": "ok", "username": "ok2", "displayName": "Ok"},
        {"externalId": "nul\0", "username": "half\ud800", "displayName": "N"},
        {"externalId": "late", "username": "late", "displayName": "L", "deactivatedAt": "2999-01-01T00:00:00Z"},
    ]
    answer = await fresh_ask(USERS, {"input": {"users": people, "idempotencyKey": "k"}}, **ROOT)
    assert told(answer) == [
        ("VALIDATION", "input.users.1.externalId", "LENGTH"),
        ("VALIDATION", "input.users.1.username", "LENGTH"),
        ("VALIDATION", "input.users.1.displayName", "LENGTH"),
        ("VALIDATION", "input.users.2.email", "FORMAT"),
        ("VALIDATION", "input.users.3.timeZone", "FORMAT"),
        ("VALIDATION", "input.users.4.externalId", "DUPLICATE"),
        ("VALIDATION", "input.users.5.externalId", "TEXT"),
        ("VALIDATION", "input.users.5.username", "TEXT"),
        ("VALIDATION", "input.users.6.deactivatedAt", "TIME"),
    ]
    assert payload(answer)["users"] == []
    assert rows(fresh_ask, "SELECT 1 FROM users WHERE external_id IN ('ok', 'mail')") == []
    # The key is not used up.
    better = {"users": people[:1], "idempotencyKey": "k"}
    assert payload(await fresh_ask(USERS, {"input": better}, **ROOT))["replayed"] is False


async def test_new_people_need_a_name_and_old_ones_do_not(fresh_ask: Asker) -> None:
    people = {"users": [{"externalId": "ben"}, {"externalId": "bne", "email": None}]}
    assert told(await fresh_ask(USERS, {"input": people}, **ROOT)) == [
        ("VALIDATION", "input.users.1.username", "REQUIRED"),
        ("VALIDATION", "input.users.1.displayName", "REQUIRED"),
    ]
    # Null is not a name.
    answer = await fresh_ask(USERS, {"input": {"users": [{"externalId": "ben", "username": None}]}}, **ROOT)
    assert answer.errors
    assert payload(await fresh_ask(USERS, {"input": {"users": []}}, **ROOT))["userErrors"] == []


async def test_lists_have_a_limit(fresh_ask: Asker) -> None:
    topics = [{"externalId": f"t{n}", "title": "T"} for n in range(1001)]
    assert told(await fresh_ask(TOPICS, {"input": {"topics": topics}}, **ROOT)) == [
        ("VALIDATION", "input.topics", "SIZE")
    ]
    found = payload(await fresh_ask(TOPICS, {"input": {"topics": topics[:1000]}}, **ROOT))["topics"]
    assert [topic["externalId"] for topic in found] == [f"t{n}" for n in range(1000)]


async def test_usernames_belong_to_one_person_whatever_their_case(fresh_ask: Asker) -> None:
    people = [
        {"externalId": "ben", "username": "CLEO"},
        {"externalId": "new-1", "username": "Nora", "displayName": "N"},
        {"externalId": "new-2", "username": "nORA", "displayName": "N"},
        # The full-width form is the same name (NFKC).
        {"externalId": "new-3", "username": "\uff44\uff41\uff4e", "displayName": "N"},
    ]
    answer = await fresh_ask(USERS, {"input": {"users": people}}, **ROOT)
    assert told(answer) == [
        ("CONFLICT", "input.users.0.username", None),
        ("CONFLICT", "input.users.2.username", None),
        ("CONFLICT", "input.users.3.username", None),
    ]
    # The other organization's names are free, and people can swap theirs.
    swap = [
        {"externalId": "ben", "username": "cleo"},
        {"externalId": "cleo", "username": "dan"},
        {"externalId": "dan", "username": "BEN"},
    ]
    found = payload(await fresh_ask(USERS, {"input": {"users": swap}}, **ROOT))
    assert found["userErrors"] == []
    assert [user["username"] for user in found["users"]] == ["cleo", "dan", "BEN"]


async def test_nobody_deactivates_themselves(fresh_ask: Asker) -> None:
    me = {"users": [{"externalId": "root", "deactivatedAt": "2026-01-01T00:00:00Z"}]}
    assert told(await fresh_ask(USERS, {"input": me}, **ROOT)) == [
        ("VALIDATION", "input.users.0.deactivatedAt", "CONSISTENCY")
    ]


@pytest.mark.parametrize(("person", "role"), [("ben", "STUDENT"), ("ada", "TEACHER"), ("mia", "MANAGER")])
async def test_others_may_not_keep_the_roster(ask: Asker, person: str, role: str) -> None:
    calls: tuple[tuple[str, dict[str, Any]], ...] = (
        (TOPICS, {"topics": [{"externalId": "x", "title": "X"}]}),
        (GROUPS, {"groups": []}),
        (LABS, {"labs": [{"type": "", "difficulty": 11}]}),
        (MEMBERSHIP, {"userId": ask.id("User", "ben"), "groupId": ask.id("Group", "alg-2")}),
    )
    for document, values in calls:
        answer = payload(await ask(document, {"input": values}, person=person, role=role))
        assert [(error["code"], error["permission"]) for error in answer["userErrors"]] == [
            ("FORBIDDEN", "MANAGE_ROSTER")
        ]
    assert rows(ask, "SELECT 1 FROM topics WHERE external_id = 'x'") == []


async def test_without_a_token(ask: Asker) -> None:
    assert (await ask(TOPICS, {"input": {"topics": []}}, person=None)).codes == ["UNAUTHENTICATED"]


async def test_a_key_is_answered_again(fresh_ask: Asker) -> None:
    people = [{"externalId": "zoe", "username": "zoe", "displayName": "Zoe"}]
    call = {"input": {"users": people, "idempotencyKey": "sync-1"}}
    first = payload(await fresh_ask(USERS, call, **SERVICE))
    changed = {"users": [{"externalId": "zoe", "displayName": "Zoe Zed"}]}
    await fresh_ask(USERS, {"input": changed}, **SERVICE)
    again = payload(await fresh_ask(USERS, call, **SERVICE))
    assert (first["replayed"], again["replayed"]) == (False, True)
    # Answered again, not done again: the name is the later one.
    assert again["users"][0]["displayName"] == "Zoe Zed"
    assert again["users"][0]["id"] == first["users"][0]["id"]
    other = {"users": [{**people[0], "displayName": "Zoey"}], "idempotencyKey": "sync-1"}
    answer = payload(await fresh_ask(USERS, {"input": other}, **SERVICE))
    assert answer["userErrors"][0]["code"] == "IDEMPOTENCY_MISMATCH"
    assert answer["userErrors"][0]["firstDifference"] == ["input", "users", "0", "displayName"]
    # Another caller's key is another key.
    assert payload(await fresh_ask(USERS, call, **ROOT))["replayed"] is False


async def test_parallel_calls_of_the_same_people_are_one_after_the_other(fresh_ask: Asker) -> None:
    def call(turn: int) -> dict[str, Any]:
        numbers = range(30) if turn % 2 else range(29, -1, -1)
        return {
            "input": {
                "users": [
                    {"externalId": f"p{n}", "username": f"p{n}", "displayName": f"{turn}", "email": f"{turn}@x"}
                    for n in numbers
                ]
            }
        }

    answers = await asyncio.gather(*(fresh_ask(USERS, call(turn), **SERVICE) for turn in range(6)))
    assert all(payload(answer)["userErrors"] == [] for answer in answers)
    found = rows(
        fresh_ask, "SELECT display_name, email FROM users WHERE external_id LIKE 'p%%' AND organization_id = 1"
    )
    assert len(found) == 30
    # One of them was last, for everybody.
    assert len(set(found)) == 1
    assert rows(
        fresh_ask, "SELECT count(*) FROM user_totals t JOIN users u ON u.id = t.user_id AND u.email LIKE '%%@x'"
    )[0] == (30,)


async def test_two_new_people_in_parallel_cannot_have_one_username(fresh_ask: Asker) -> None:
    def call(name: str) -> dict[str, Any]:
        return {"input": {"users": [{"externalId": name, "username": "same", "displayName": name}]}}

    answers = await asyncio.gather(*(fresh_ask(USERS, call(name), **SERVICE) for name in ("x", "y")))
    assert sorted(len(payload(answer)["userErrors"]) for answer in answers) == [0, 1]


async def test_groups(fresh_ask: Asker) -> None:
    groups = [
        {"externalId": "alg-1", "timeZone": "Europe/Madrid"},
        {"externalId": "geo", "name": "Geometry", "kind": "team"},
        {"externalId": "plain", "name": "Plain"},
    ]
    answer = payload(await fresh_ask(GROUPS, {"input": {"groups": groups}}, **ROOT))
    assert answer["groups"] == [
        {"externalId": "alg-1", "name": "Algebra 1", "kind": "class", "timeZone": "Europe/Madrid"},
        {"externalId": "geo", "name": "Geometry", "kind": "team", "timeZone": None},
        {"externalId": "plain", "name": "Plain", "kind": "class", "timeZone": None},
    ]
    wrong = [{"externalId": "a"}, {"externalId": "b", "name": "B", "kind": "k" * 51}]
    assert told(await fresh_ask(GROUPS, {"input": {"groups": wrong}}, **ROOT)) == [
        ("VALIDATION", "input.groups.1.kind", "LENGTH")
    ]


async def test_topics_and_levels(fresh_ask: Asker) -> None:
    topics = [{"externalId": "sets", "title": "Set theory"}, {"externalId": "logic", "title": "Logic"}]
    assert payload(await fresh_ask(TOPICS, {"input": {"topics": topics}}, **ROOT))["topics"] == topics
    levels = [{"position": 2, "title": "Expert"}, {"position": 0, "title": "Start"}]
    assert payload(await fresh_ask(LEVELS, {"input": {"levels": levels}}, **ROOT))["levels"] == levels
    wrong = [{"position": -1, "title": "X"}, {"position": 7, "title": ""}, {"position": 7, "title": "Y"}]
    assert told(await fresh_ask(LEVELS, {"input": {"levels": wrong}}, **ROOT)) == [
        ("VALIDATION", "input.levels.0.position", "RANGE"),
        ("VALIDATION", "input.levels.1.title", "LENGTH"),
        ("VALIDATION", "input.levels.2.position", "DUPLICATE"),
    ]


async def test_labs_with_their_topics_and_level(fresh_ask: Asker) -> None:
    labs = [
        {"type": "l1", "topicExternalIds": ["sets"], "levelPosition": 2, "difficulty": 9.5},
        {"type": "l2", "topicIds": [fresh_ask.id("Topic", "sets")], "levelId": None, "difficulty": None},
        {
            "type": "new",
            "title": "New",
            "topicIds": [],
            "levelId": fresh_ask.id("Level", "1"),
            "requiredSkills": ["a", "a"],
        },
        {"type": "l3", "archivedAt": "2026-05-01T00:00:00Z"},
    ]
    answer = payload(await fresh_ask(LABS, {"input": {"labs": labs}}, **ROOT))
    assert answer["userErrors"] == []
    sets = [{"externalId": "sets"}]
    kept = {"title": "Lab 1", "requiredSkills": ["fractions"], "archivedAt": None}
    assert answer["labs"] == [
        {"type": "l1", "difficulty": 9.5, "level": {"position": 2}, "topics": sets, **kept},
        {
            "type": "l2",
            "title": "Lab 2",
            "difficulty": None,
            "requiredSkills": ["fractions", "sets"],
            "archivedAt": None,
            "level": None,
            "topics": sets,
        },
        {
            "type": "new",
            "title": "New",
            "difficulty": None,
            "requiredSkills": ["a"],
            "archivedAt": None,
            "level": {"position": 1},
            "topics": [],
        },
        {
            "type": "l3",
            "title": "Lab 3",
            "difficulty": 10.0,
            "requiredSkills": [],
            "archivedAt": "2026-05-01T00:00:00.000Z",
            "level": {"position": 2},
            "topics": sets,
        },
    ]
    # Difficulties of the past stay as they were: ben's score is that of l1 at 5 and l2 at 8.
    ben = await fresh_ask('{ user(by: {externalId: "ben"}) { performance { score } } }', **ROOT)
    assert ben.data == {"user": {"performance": {"score": 62.0}}}


async def test_labs_that_cannot_be(fresh_ask: Asker) -> None:
    labs: list[dict[str, Any]] = [
        {"type": "l1", "difficulty": 10.5},
        {"type": "l2", "topicIds": [], "topicExternalIds": []},
        {"type": "l3", "levelId": None, "levelPosition": 1},
        {"type": "l4", "requiredSkills": [f"s{n}" for n in range(51)]},
        {"type": "l5", "title": "T", "topicExternalIds": ["t"] * 101},
    ]
    assert told(await fresh_ask(LABS, {"input": {"labs": labs}}, **ROOT)) == [
        ("VALIDATION", "input.labs.0.difficulty", "RANGE"),
        ("VALIDATION", "input.labs.1.topicExternalIds", "EXACTLY_ONE"),
        ("VALIDATION", "input.labs.2.levelPosition", "EXACTLY_ONE"),
        ("VALIDATION", "input.labs.3.requiredSkills", "SIZE"),
        ("VALIDATION", "input.labs.4.topicExternalIds", "SIZE"),
    ]
    unknown = [
        {"type": "l1", "topicIds": [fresh_ask.id("Topic", "sets"), fresh_ask.id("Topic", "sets", "south")]},
        {"type": "l2", "topicExternalIds": ["nothing"]},
        {"type": "l3", "levelId": fresh_ask.id("Level", "1", "south")},
        {"type": "l4", "levelPosition": 77},
    ]
    assert told(await fresh_ask(LABS, {"input": {"labs": unknown}}, **ROOT)) == [
        ("NOT_FOUND", "input.labs.0.topicIds.1", None),
        ("NOT_FOUND", "input.labs.1.topicExternalIds.0", None),
        ("NOT_FOUND", "input.labs.2.levelId", None),
        ("NOT_FOUND", "input.labs.3.levelPosition", None),
    ]
    malformed = [{"type": "l1", "topicIds": ["%"]}]
    assert told(await fresh_ask(LABS, {"input": {"labs": malformed}}, **ROOT)) == [
        ("VALIDATION", "input.labs.0.topicIds.0", "FORMAT")
    ]


async def test_parked_attempts_are_recorded_once_person_and_lab_are_known(fresh_ask: Asker) -> None:
    rows(
        fresh_ask,
        """INSERT INTO parked_attempts (organization_id, user_external_id, lab_type, attempt, source, source_id, reason)
        VALUES (1, 'zoe', 'lab-z', %s, 'KAFKA', 'k1', 'not known here') RETURNING id""",
        '{"status": "SUCCEEDED", "completed_at": "2026-03-03T09:00:00+00:00", "source": "KAFKA", "source_id": "k1"}',
    )
    await fresh_ask(LABS, {"input": {"labs": [{"type": "lab-z", "title": "Z"}]}}, **ROOT)
    zoe = {"externalId": "zoe", "username": "zoe", "displayName": "Zoe"}
    await fresh_ask(USERS, {"input": {"users": [zoe]}}, **ROOT)
    asked = '{ user(by: {externalId: "zoe"}) { performance { tasksCompleted } } }'
    assert (await fresh_ask(asked, **ROOT)).data == {"user": {"performance": {"tasksCompleted": 1}}}
    assert rows(fresh_ask, "SELECT 1 FROM parked_attempts") == []


async def test_what_changed_is_told_and_nothing_else(fresh_ask: Asker) -> None:
    ben, alg_1, l1 = fresh_ask.key("users", "ben"), fresh_ask.key("groups", "alg-1"), fresh_ask.key("labs", "l1")
    ids = {"userId": fresh_ask.id("User", "ben"), "groupId": fresh_ask.id("Group", "alg-1")}
    person = {f"user:{ben}", f"group:{alg_1}", "roster:1"}
    calls: list[tuple[str, dict[str, Any], set[str]]] = [
        (USERS, {"users": [{"externalId": "ben", "displayName": "B"}, {"externalId": "cleo"}]}, person),
        (USERS, {"users": [{"externalId": "ben", "displayName": "B"}]}, set()),
        (USERS, {"users": [{"externalId": "ben", "displayName": ""}]}, set()),
        (GROUPS, {"groups": [{"externalId": "alg-1", "name": "A"}]}, {f"group:{alg_1}", "roster:1"}),
        (TOPICS, {"topics": [{"externalId": "sets", "title": "S"}]}, {"catalogue:1"}),
        (LABS, {"labs": [{"type": "l1", "topicIds": []}, {"type": "l2"}]}, {f"lab:{l1}", "catalogue:1"}),
        (MEMBERSHIP, ids, set()),
        (MEMBERSHIP, {**ids, "validTo": "2026-06-01T00:00:00Z"}, person),
    ]
    with fresh_ask.database.connect() as listener:
        notes: list[str] = []
        listener.add_notify_handler(lambda note: notes.append(note.payload))
        listener.execute(f"LISTEN {CHANNEL}")
        for document, values, tags in calls:
            assert (await fresh_ask(document, {"input": values}, **ROOT)).errors == []
            listener.execute("SELECT 1")
            told = {tag for note in notes for tag in note.split()}
            notes.clear()
            assert told == (tags | {"org:1"} if tags else set()), values
