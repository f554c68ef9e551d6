"""Exports: who may ask for what, how often, and what they see of it afterwards."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from resolvers.live import Live
from schema.graph import graph
from schema.relay import parse_global_id
from tests.asking import Answer, Asker
from tests.schema.test_roster import payload, rows

ERRORS = "userErrors { code path message ... on RateLimitedError { retryAt } ... on ForbiddenError { permission } }"
FIELDS = """id kind format status progress parameters group { externalId } subject { externalId } requestedBy { externalId }
  requestedAt startedAt finishedAt expiresAt rowCount byteSize sha256 downloadUrl failure { code message retryable } tries"""
REQUEST = f"mutation ($input: RequestExportInput!) {{ requestExport(input: $input) {{ export {{ {FIELDS} }} replayed {ERRORS} }} }}"
CANCEL = f"mutation ($input: CancelExportInput!) {{ cancelExport(input: $input) {{ export {{ {FIELDS} }} {ERRORS} }} }}"
RETRY = f"mutation ($input: RetryExportInput!) {{ retryExport(input: $input) {{ export {{ {FIELDS} }} {ERRORS} }} }}"
LIST = """query ($status: ExportStatus, $first: Int, $after: String) { exports(status: $status, first: $first, after: $after) {
  nodes { id status } pageInfo { hasNextPage endCursor } totalCount { value } } }"""
ONE = f"query ($id: ID!) {{ export(id: $id) {{ {FIELDS} }} node(id: $id) {{ id }} }}"
QUOTA = "{ viewer { exportQuota { limit remaining resetsAt } } }"
TOM = {"person": "tom", "role": "TEACHER"}
BEN = {"person": "ben", "role": "STUDENT"}
MIA = {"person": "mia", "role": "MANAGER"}
ROOT = {"person": "root", "role": "ADMIN"}


class Exports:
    def __init__(self, ask: Asker) -> None:
        self.ask = ask

    async def request(self, who: dict[str, str] | None = None, **given: Any) -> dict[str, Any]:
        """By ada, of her group as CSV, unless said otherwise."""
        if "kind" not in given:
            given = {"kind": "GROUP_REPORT", "groupId": self.ask.id("Group", "alg-1"), **given}
        answer = await self.ask(REQUEST, {"input": {"format": "CSV", **given}}, **(who or {}))
        return payload(answer)

    async def requested(self, who: dict[str, str] | None = None, **given: Any) -> dict[str, Any]:
        done = await self.request(who, **given)
        assert done["userErrors"] == []
        return dict(done["export"])

    async def cancel(self, export: dict[str, Any], **who: str) -> dict[str, Any]:
        return payload(await self.ask(CANCEL, {"input": {"id": export["id"]}}, **who))

    async def retry(self, export: dict[str, Any], **who: str) -> dict[str, Any]:
        return payload(await self.ask(RETRY, {"input": {"id": export["id"]}}, **who))

    async def remaining(self, **who: str) -> int:
        answer = await self.ask(QUOTA, **who)
        assert answer.data is not None
        return int(answer.data["viewer"]["exportQuota"]["remaining"])

    def set(self, export: dict[str, Any], assignments: str) -> None:
        """As a worker, or time, would."""
        with self.ask.database.connect() as owner:
            owner.execute(f"UPDATE exports SET {assignments} WHERE id = %s", (self.key(export),))

    @staticmethod
    def key(export: dict[str, Any]) -> int:
        return parse_global_id(export["id"], "id")[1]

    def jobs(self) -> list[tuple[Any, ...]]:
        return rows(self.ask, "SELECT task_name, queue_name, args FROM jobs.procrastinate_jobs ORDER BY id")


READY = """status = 'READY', run = 'r', file_name = 'f.csv', as_of = now(), row_count = 1, byte_size = 1, sha256 = 'x',
  manifest = '{"title": "Group report", "subtitle": "All time", "timeZone": "Europe/Madrid", "filters": {"Group": "Algebra 1"},
    "tables": [{"title": "Members", "rows": 1, "columns": [{"title": "Name"}]}]}',
  expires_at = now() + interval '1 day'"""


def failed(code: str) -> str:
    return f"status = 'FAILED', failure_code = '{code}', failure_message = 'So it is.'"


@pytest.fixture
def exports(fresh_ask: Asker) -> Exports:
    return Exports(fresh_ask)


async def test_an_export_is_requested_with_its_job(exports: Exports) -> None:
    period = {"dates": {"from": "2026-03-01", "to": "2026-04-01"}}
    topic = exports.ask.id("Topic", "sets")
    export = await exports.requested(period=period, topicIds=[topic])
    assert {
        name: export[name] for name in ("kind", "format", "status", "progress", "tries", "downloadUrl", "failure")
    } == {
        "kind": "GROUP_REPORT",
        "format": "CSV",
        "status": "PENDING",
        "progress": None,
        "tries": 0,
        "downloadUrl": None,
        "failure": None,
    }
    assert export["group"] == {"externalId": "alg-1"}
    assert export["requestedBy"] == {"externalId": "ada"}
    # Instants of local days, in Madrid, over a change of the clock.
    assert export["parameters"] == {
        "groupId": exports.ask.id("Group", "alg-1"),
        "topicIds": [topic],
        "timeZone": "Europe/Madrid",
        "locale": "en",
        "period": {"from": "2026-02-28T23:00:00+00:00", "to": "2026-03-31T22:00:00+00:00"},
    }
    [(organization_id,)] = rows(exports.ask, "SELECT id FROM organizations WHERE slug = 'north'")
    about = {"export_id": exports.key(export), "organization_id": organization_id}
    assert exports.jobs() == [("exports:make", "exports", about)]
    kept = rows(exports.ask, "SELECT subject, role, claimed_groups, dialect FROM exports")
    assert kept == [("ada", "TEACHER", None, "EXCEL")]


@pytest.mark.parametrize(
    ("given", "path", "code"),
    [
        ({"kind": "GROUP_REPORT"}, ["input", "groupId"], "VALIDATION"),
        ({"kind": "LAB_REPORT", "labId": "Lab:l1", "groupId": "Group:alg-1"}, ["input", "groupId"], "VALIDATION"),
        ({"kind": "GROUP_REPORT", "groupId": "Group:alg-2"}, ["input", "groupId"], "NOT_FOUND"),
        ({"kind": "GROUP_REPORT", "groupId": "Lab:l1"}, ["input", "groupId"], "NOT_FOUND"),
        ({"kind": "GROUP_REPORT", "groupId": "nonsense"}, ["input", "groupId"], "VALIDATION"),
        ({"kind": "USER_PERFORMANCE", "userId": "User:dan"}, ["input", "userId"], "NOT_FOUND"),
        ({"kind": "USER_PERFORMANCE", "userId": "User:tom"}, ["input", "userId"], "NOT_FOUND"),
        ({"kind": "LEADERBOARD", "leaderboard": {"scope": "GROUP"}}, ["input"], "VALIDATION"),
        (
            {"kind": "LEADERBOARD", "leaderboard": {"scope": "GROUP", "scopeId": "Group:alg-2"}},
            ["input", "leaderboard", "scopeId"],
            "NOT_FOUND",
        ),
        ({"kind": "ATTEMPTS", "topicIds": []}, ["input", "topicIds"], "VALIDATION"),
        ({"kind": "ATTEMPTS", "format": "PDF", "dialect": "EXCEL"}, ["input", "dialect"], "VALIDATION"),
        ({"kind": "ATTEMPTS", "locale": "../../etc"}, ["input", "locale"], "VALIDATION"),
        ({"kind": "DOCUMENT", "documentId": "x", "variables": [1]}, ["input", "variables"], "VALIDATION"),
        ({"kind": "ATTEMPTS", "idempotencyKey": ""}, ["input", "idempotencyKey"], "VALIDATION"),
        ({"kind": "ATTEMPTS", "period": {"lastDays": 0}}, ["input", "period", "lastDays"], "VALIDATION"),
    ],
)
async def test_what_cannot_be_meant_is_refused(
    exports: Exports, given: dict[str, Any], path: list[str], code: str
) -> None:
    done = await exports.request(**_with_ids(exports.ask, given))
    assert done["export"] is None
    assert [(error["path"], error["code"]) for error in done["userErrors"]] == [(path, code)]
    assert exports.jobs() == []
    assert await exports.remaining() == 5


async def test_a_group_has_a_limit_of_all_together(exports: Exports) -> None:
    made = [await exports.requested() for _ in range(4)] + [await exports.requested(MIA) for _ in range(4)]
    exports.ask.services.settings.__dict__["group_exports_per_hour"] = 8
    for who in ({}, MIA):
        done = await exports.request(who)
        assert [(error["code"], error["path"]) for error in done["userErrors"]] == [
            ("RATE_LIMITED", ["input", "groupId"])
        ]
    # It says nothing else of what others asked for, and what is about no group is no matter of it.
    assert (await exports.remaining(), await exports.remaining(**MIA)) == (1, 1)
    await exports.requested(kind="ATTEMPTS")
    exports.set(made[-1], failed("STORAGE"))
    await exports.requested(MIA)


@pytest.mark.parametrize(
    ("locale", "said", "kept"),
    [
        (None, None, "EXCEL"), ("en", None, "EXCEL"), ("de", None, "EXCEL_SEMICOLON"), ("de-CH", None, "EXCEL"),
        ("pt-BR", None, "EXCEL_SEMICOLON"), ("es-MX", None, "EXCEL"), ("de", "EXCEL", "EXCEL"), ("sr-Latn-RS", None, "EXCEL_SEMICOLON"),
    ],
)  # fmt: skip
async def test_a_csv_is_such_as_spreadsheets_of_the_language_read_it(
    exports: Exports, locale: str | None, said: str | None, kept: str
) -> None:
    given = {name: value for name, value in (("locale", locale), ("dialect", said)) if value is not None}
    await exports.requested(**given)
    assert rows(exports.ask, "SELECT dialect FROM exports") == [(kept,)]


DOCUMENT = "query Members($id: ID!) { group(id: $id) { members { nodes { displayName } } } }"
DOCUMENTS = {"members": DOCUMENT, "viewer": "{ viewer { role } }", "gone": "{ noLonger { id } }"}


@pytest.mark.parametrize(
    ("given", "path", "code"),
    [
        ({}, ["input", "documentId"], "VALIDATION"),
        ({"documentId": "unknown"}, ["input", "documentId"], "NOT_FOUND"),
        ({"documentId": "viewer"}, ["input", "documentId"], "VALIDATION"),
        ({"documentId": "gone"}, ["input", "documentId"], "VALIDATION"),
        ({"documentId": "members"}, ["input", "variables"], "VALIDATION"),
        ({"documentId": "members", "variables": {"id": {}}}, ["input", "variables"], "VALIDATION"),
        ({"documentId": "members", "variables": [1]}, ["input", "variables"], "VALIDATION"),
        (
            {"documentId": "members", "variables": {"id": "x"}, "period": {"lastDays": 7}},
            ["input", "period"],
            "VALIDATION",
        ),
    ],
)
async def test_documents_that_cannot_be_exported_are_refused(
    exports: Exports, given: dict[str, Any], path: list[str], code: str
) -> None:
    register(exports)
    done = await exports.request(kind="DOCUMENT", **given)
    assert [(error["path"], error["code"]) for error in done["userErrors"]] == [(path, code)]
    assert exports.jobs() == []


async def test_a_document_is_kept_by_what_it_says_now(exports: Exports) -> None:
    ids = register(exports)
    export = await exports.requested(kind="DOCUMENT", documentId="members", variables={"id": "x"})
    assert export["parameters"]["documentId"] == ids["members"]
    assert export["parameters"]["variables"] == {"id": "x"}


def register(exports: Exports) -> dict[str, str]:
    ids = {name: sha256(text.encode()).hexdigest() for name, text in DOCUMENTS.items()}
    with exports.ask.database.connect() as owner:
        for name, text in DOCUMENTS.items():
            owner.execute(
                "INSERT INTO trusted_documents (id, body, operations) VALUES (%s, %s, '{}')", (ids[name], text)
            )
            owner.execute(
                "INSERT INTO trusted_document_aliases (alias, document_id) VALUES (%s, %s)", (name, ids[name])
            )
    return ids


def _with_ids(ask: Asker, given: dict[str, Any]) -> dict[str, Any]:
    def known(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: known(part) for name, part in value.items()}
        kind, _, key = value.partition(":") if isinstance(value, str) else ("", "", "")
        return ask.id(kind, key) if key and kind.isalpha() else value

    return {name: known(value) for name, value in given.items()}


async def test_who_lacks_the_permission_gets_what_is_about_themselves(exports: Exports) -> None:
    own = await exports.requested(BEN, kind="USER_PERFORMANCE", userId=exports.ask.id("User", "ben"))
    assert own["subject"] == {"externalId": "ben"}
    for given in (
        {"kind": "USER_PERFORMANCE", "userId": exports.ask.id("User", "cleo")},
        {"kind": "ATTEMPTS", "userId": exports.ask.id("User", "ben")},
        {"kind": "LEADERBOARD"},
    ):
        done = await exports.request(BEN, **given)
        assert [(error["code"], error["permission"]) for error in done["userErrors"]] == [("FORBIDDEN", "EXPORT")]
    assert await exports.remaining(**BEN) == 4


async def test_twenty_at_once_get_five(exports: Exports) -> None:
    done = await asyncio.gather(*(exports.request() for _ in range(20)))
    accepted = [answer["export"]["id"] for answer in done if answer["export"]]
    refused = [answer["userErrors"][0] for answer in done if not answer["export"]]
    assert len(set(accepted)) == len(exports.jobs()) == 5
    assert {error["code"] for error in refused} == {"RATE_LIMITED"}
    # When the first of them is an hour old, to the millisecond that the graph shows.
    [(first,)] = rows(exports.ask, "SELECT min(queued_at) FROM exports")
    retry_at = {datetime.fromisoformat(error["retryAt"]) for error in refused}
    assert retry_at == {(first + timedelta(hours=1)).replace(microsecond=first.microsecond // 1000 * 1000)}
    assert await exports.remaining() == 0
    # Others have limits of their own.
    await exports.requested(MIA)


async def test_the_hour_slides(exports: Exports) -> None:
    made = [await exports.requested() for _ in range(5)]
    exports.set(made[2], "queued_at = clock_timestamp() - interval '1 hour' + interval '20 seconds'")
    assert (await exports.request())["userErrors"][0]["code"] == "RATE_LIMITED"
    exports.set(made[2], "queued_at = clock_timestamp() - interval '1 hour'")
    assert await exports.remaining() == 1
    await exports.requested()
    assert (await exports.request())["userErrors"][0]["code"] == "RATE_LIMITED"


async def test_failures_of_ours_do_not_count(exports: Exports) -> None:
    made = [await exports.requested() for _ in range(5)]
    for code in ("STORAGE", "INTERNAL", "TIMEOUT"):
        exports.set(made.pop(), failed(code))
    for code in ("TOO_LARGE", "PERMISSION_REVOKED"):
        exports.set(made.pop(), failed(code))
    assert await exports.remaining() == 3


async def test_the_same_key_is_the_same_export(exports: Exports) -> None:
    said = {"period": {"lastDays": 7}, "idempotencyKey": "monday"}
    first, again = await exports.request(**said), await exports.request(**said)
    assert (first["replayed"], again["replayed"]) == (False, True)
    assert first["export"]["id"] == again["export"]["id"]
    other = await exports.request(**{**said, "period": {"lastDays": 8}})
    assert [error["code"] for error in other["userErrors"]] == ["IDEMPOTENCY_MISMATCH"]
    assert (await exports.request(MIA, **said))["replayed"] is False
    assert await exports.remaining() == 4
    # Used up or not: what was asked for already is answered.
    for _ in range(4):
        await exports.requested()
    assert (await exports.request(**said))["replayed"] is True


async def test_the_same_key_at_once_makes_one(exports: Exports) -> None:
    done = await asyncio.gather(*(exports.request(idempotencyKey="k") for _ in range(8)))
    assert len({answer["export"]["id"] for answer in done}) == len(exports.jobs()) == 1
    assert sorted(answer["replayed"] for answer in done) == [False] + [True] * 7


async def test_it_is_its_requesters(exports: Exports) -> None:
    export = await exports.requested()
    by_mia = await exports.requested(MIA)

    async def sees(**who: str) -> set[str]:
        answer = await exports.ask(LIST, **who)
        assert answer.data is not None
        return {node["id"] for node in answer.data["exports"]["nodes"]}

    both = {export["id"], by_mia["id"]}
    assert (await sees(), await sees(**MIA), await sees(**ROOT)) == ({export["id"]}, {by_mia["id"]}, both)
    assert (await sees(**TOM), await sees(**BEN), await sees(person="root", role="ADMIN", organization="south")) == (
        set(),
        set(),
        set(),
    )
    for who in (MIA, TOM):
        answer = await exports.ask(ONE, {"id": export["id"]}, **who)
        assert answer.codes == ["NOT_FOUND", "NOT_FOUND"]
        assert [e["code"] for e in (await exports.cancel(export, **who))["userErrors"]] == ["NOT_FOUND"]
        assert [e["code"] for e in (await exports.retry(export, **who))["userErrors"]] == ["NOT_FOUND"]
    assert (await exports.cancel(export, **ROOT))["export"]["status"] == "CANCELLED"


async def test_a_service_that_is_no_person_has_its_own(exports: Exports) -> None:
    feed = {"person": "nightly-feed", "role": "SERVICE"}
    export = await exports.requested(feed)
    assert export["requestedBy"] is None
    answer = await exports.ask(LIST, **feed)
    assert answer.data is not None
    assert [node["id"] for node in answer.data["exports"]["nodes"]] == [export["id"]]
    assert (await exports.remaining(**feed), await exports.remaining(person="other-feed", role="SERVICE")) == (4, 5)


async def test_pages_newest_first(exports: Exports) -> None:
    made = [await exports.requested() for _ in range(5)]
    exports.set(made[1], READY)
    seen: list[str] = []
    after = None
    for _ in range(3):
        answer = await exports.ask(LIST, {"first": 2, "after": after})
        assert answer.data is not None
        page = answer.data["exports"]
        seen += [node["id"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
    assert seen == [export["id"] for export in reversed(made)]
    answer = await exports.ask(LIST, {"status": "READY"})
    assert answer.data is not None
    assert answer.data["exports"]["nodes"] == [{"id": made[1]["id"], "status": "READY"}]
    assert answer.data["exports"]["totalCount"] == {"value": "1"}


async def test_cancelling(exports: Exports) -> None:
    export = await exports.requested()
    for _ in range(2):
        assert (await exports.cancel(export))["export"]["status"] == "CANCELLED"
    running = await exports.requested()
    exports.set(running, "status = 'PROCESSING', run = 'r', progress = 0.5")
    cancelled = (await exports.cancel(running))["export"]
    assert (cancelled["status"], cancelled["progress"]) == ("CANCELLED", None)
    ready = await exports.requested()
    exports.set(ready, READY)
    [error] = (await exports.cancel(ready))["userErrors"]
    assert error["code"] == "INVALID_STATE"
    # What was accepted counts.
    assert await exports.remaining() == 2


async def test_trying_again_what_we_failed_at(exports: Exports) -> None:
    export = await exports.requested()
    exports.set(export, failed("STORAGE") + ", tries = 3")
    again = (await exports.retry(export))["export"]
    assert (again["status"], again["tries"], again["failure"]) == ("PENDING", 0, None)
    assert len(exports.jobs()) == 2
    # Asking twice is asking once.
    assert (await exports.retry(export))["export"]["status"] == "PENDING"
    assert len(exports.jobs()) == 2
    for state in (failed("TOO_LARGE"), failed("PERMISSION_REVOKED"), READY):
        other = await exports.requested()
        exports.set(other, state)
        assert [e["code"] for e in (await exports.retry(other))["userErrors"]] == ["INVALID_STATE"]


async def test_trying_again_counts(exports: Exports) -> None:
    export = await exports.requested()
    exports.set(export, failed("INTERNAL"))
    for _ in range(5):
        await exports.requested()
    assert [e["code"] for e in (await exports.retry(export))["userErrors"]] == ["RATE_LIMITED"]


async def test_the_link_is_there_for_who_may_have_the_file_now(exports: Exports) -> None:
    export = await exports.requested()
    exports.set(export, READY + f", reads_groups = ARRAY[{exports.ask.key('groups', 'alg-1')}]")

    async def link(**who: Any) -> str | None:
        answer = await exports.ask(ONE, {"id": export["id"]}, **who)
        assert answer.data is not None
        url: str | None = answer.data["export"]["downloadUrl"]
        return url

    assert await link() == f"/exports/{export['id']}/file"
    assert await link(**ROOT) is not None
    # A token that is narrower than the one that asked.
    assert await link(group_ids=()) is None
    with exports.ask.database.connect() as owner:
        owner.execute("UPDATE group_memberships SET valid_to = now() WHERE role = 'LEAD'")
    assert await link() is None


async def test_what_a_manager_asked_for_is_not_for_them_as_a_student(exports: Exports) -> None:
    export = await exports.requested(MIA, kind="ATTEMPTS")
    exports.set(export, READY)
    answer = await exports.ask(ONE, {"id": export["id"]}, person="mia", role="STUDENT")
    assert answer.data is not None
    assert answer.data["export"]["downloadUrl"] is None


async def test_it_is_followed(exports: Exports) -> None:
    export = await exports.requested()
    document = "subscription ($id: ID!) { exportUpdated(id: $id) { status progress } }"
    operation = graph.operations.prepare(document, None)

    async def ask(who: dict[str, str]) -> Answer:
        context = exports.ask.context(who["person"], who["role"])
        context.live = Live()
        result = await graph.ask(operation, {"id": export["id"]}, context)
        assert result.errors or context.live.tags == {f"export:{exports.key(export)}"}
        return Answer(result.data, [dict(error.formatted) for error in result.errors or []])

    ada = {"person": "ada", "role": "TEACHER"}
    assert (await ask(ada)).data == {"exportUpdated": {"status": "PENDING", "progress": None}}
    tag = f"export:{exports.key(export)}"
    async with exports.ask.services.changes.listen([tag]) as wakeups, asyncio.timeout(20):
        exports.set(export, "status = 'PROCESSING', run = 'r', progress = 0.25")
        while tag not in await wakeups.next():
            pass
    assert (await ask(ada)).data == {"exportUpdated": {"status": "PROCESSING", "progress": 0.25}}
    assert (await ask(MIA)).codes == ["NOT_FOUND"]
