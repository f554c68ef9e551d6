"""Saved reports, their schedules, and deliveries: who may save what, and what they see of it afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from db.cron import Cron
from schema.relay import global_id, parse_global_id
from tests.asking import Answer, Asker
from tests.conftest import Database, Servers
from tests.schema.test_roster import payload, rows
from tests.school import new_school

ERRORS = "userErrors { code path message ... on RateLimitedError { retryAt } }"
SCHEDULE = """id format cron timeZone enabled pausedFor nextRunAt nextRuns deliveries { channel target attach }
  lastRun { id } report { id }"""
REPORT = f"id title description kind parameters owner {{ externalId }} schedules {{ {SCHEDULE} }}"
EXPORT = "id kind format status report { id title } deliveries { channel target attach status tries error sentAt } dueAt isLate"


def mutation(name: str, selection: str) -> str:
    kind = name[0].upper() + name[1:]
    return f"mutation ($input: {kind}Input!) {{ {name}(input: $input) {{ {selection} {ERRORS} }} }}"


SAVE = mutation("saveReport", f"report {{ {REPORT} }}")
DELETE = mutation("deleteReport", "deletedId")
GENERATE = mutation("generateReport", f"export {{ {EXPORT} }} replayed")
SAVE_SCHEDULE = mutation("saveExportSchedule", f"schedule {{ {SCHEDULE} }}")
DELETE_SCHEDULE = mutation("deleteExportSchedule", "deletedId")
REQUEST = mutation("requestExport", f"export {{ {EXPORT} }} replayed")
ONE = f"query ($id: ID!) {{ report(id: $id) {{ {REPORT} }} node(id: $id) {{ id }} }}"
ALL = f"{{ reports {{ nodes {{ {REPORT} runs {{ nodes {{ id dueAt isLate }} totalCount {{ value }} }} }} }} exportSchedules {{ id }} }}"
TOM = {"person": "tom", "role": "TEACHER"}
BEN = {"person": "ben", "role": "STUDENT"}
MIA = {"person": "mia", "role": "MANAGER"}
ROOT = {"person": "root", "role": "ADMIN"}
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
DAILY = {"format": "PDF", "cron": "30 7 * * MON-FRI", "timeZone": "America/Lima"}
HOOK = "https://hooks.slack.com/services/T0/B0/secret"


class Reports:
    def __init__(self, ask: Asker) -> None:
        self.ask = ask

    async def do(self, document: str, given: dict[str, Any], who: dict[str, str] | None = None) -> dict[str, Any]:
        return payload(await self.ask(document, {"input": given}, **(who or {})))

    async def save(self, who: dict[str, str] | None = None, **given: Any) -> dict[str, Any]:
        """By ada, of her group, unless said otherwise."""
        content = {"title": "Weekly", "kind": "GROUP_REPORT", "groupId": self.ask.id("Group", "alg-1"), **given}
        return await self.do(SAVE, content, who)

    async def saved(self, who: dict[str, str] | None = None, **given: Any) -> dict[str, Any]:
        done = await self.save(who, **given)
        assert done["userErrors"] == []
        return dict(done["report"])

    async def schedule(self, who: dict[str, str] | None = None, **given: Any) -> dict[str, Any]:
        return await self.do(SAVE_SCHEDULE, given, who)

    async def scheduled(self, who: dict[str, str] | None = None, **given: Any) -> dict[str, Any]:
        done = await self.schedule(who, **given)
        assert done["userErrors"] == []
        return dict(done["schedule"])

    async def new_schedule(self, report: dict[str, Any] | None = None, **given: Any) -> dict[str, Any]:
        report = report or await self.saved()
        return await self.scheduled(**{"reportId": report["id"], "deliveries": [], **DAILY, **given})

    def one(self, statement: str) -> Any:
        return rows(self.ask, statement)[0][0]


@pytest.fixture
def reports(fresh_ask: Asker) -> Reports:
    return Reports(fresh_ask)


@pytest.fixture(scope="module")
async def shared(new_database: Callable[[], Database], servers: Servers) -> AsyncIterator[Reports]:
    """For tests after which everything is as it was."""
    asker = Asker(new_school(new_database, is_folded=True), servers)
    yield Reports(asker)
    await asker.aclose()


def errors_of(done: dict[str, Any]) -> list[tuple[str, str]]:
    return [(".".join(error["path"]), error["code"]) for error in done["userErrors"]]


async def test_a_report_is_saved_and_replaced(reports: Reports) -> None:
    topic = reports.ask.id("Topic", "sets")
    report = await reports.saved(period={"calendar": "LAST_WEEK"}, topicIds=[topic], description="For Mondays.")
    assert report["owner"] == {"externalId": "ada"}
    assert report["parameters"] == {
        "groupId": reports.ask.id("Group", "alg-1"),
        "topicIds": [topic],
        "locale": "en",
        "period": {"calendar": "LAST_WEEK"},
    }
    again = await reports.saved(id=report["id"], title="Daily", period={"lastDays": 1})
    assert (again["id"], again["title"], again["description"]) == (report["id"], "Daily", None)
    assert again["parameters"]["period"] == {"lastDays": 1}
    everything = (await reports.ask(ALL)).data
    assert everything is not None
    assert [one["title"] for one in everything["reports"]["nodes"]] == ["Daily"]


@pytest.mark.parametrize(
    ("given", "path", "code"),
    [
        ({"title": ""}, "input.title", "VALIDATION"),
        ({"title": " "}, "input.title", "VALIDATION"),
        ({"title": "a\0b"}, "input.title", "VALIDATION"),
        ({"title": "x" * 201}, "input.title", "VALIDATION"),
        ({"description": ""}, "input.description", "VALIDATION"),
        ({"description": "\ud800"}, "input.description", "VALIDATION"),
        ({"groupId": "Group:alg-2"}, "input.groupId", "NOT_FOUND"),
        ({"groupId": None}, "input.groupId", "VALIDATION"),
        ({"period": {"lastDays": 0}}, "input.period.lastDays", "VALIDATION"),
        ({"period": {"dates": {"from": "2026-03-01", "to": "2026-04-01"}}}, "input.period", "VALIDATION"),
        ({"id": "Report:999"}, "input.id", "NOT_FOUND"),
        ({"id": "Lab:l1"}, "input.id", "NOT_FOUND"),
    ],
)
async def test_what_cannot_be_a_report_is_refused(shared: Reports, given: dict[str, Any], path: str, code: str) -> None:
    done = await shared.save(**_with_ids(shared.ask, given))
    assert done["report"] is None
    assert errors_of(done) == [(path, code)]
    assert shared.one("SELECT count(*) FROM reports WHERE title <> 'Scheduled'") == 0


async def test_reports_are_their_owners_and_of_those_who_administer(reports: Reports) -> None:
    report = await reports.saved()
    schedule = await reports.new_schedule(report)
    for who in (TOM, MIA, BEN):
        answer: Answer = await reports.ask(ONE, {"id": report["id"]}, **who)
        assert answer.codes == ["NOT_FOUND", "NOT_FOUND"]
        listed = (await reports.ask("{ reports { nodes { id } } }", **who)).data
        assert listed == {"reports": {"nodes": []}}
    for who in (TOM, MIA):
        for document, given in (
            (DELETE, {"id": report["id"]}),
            (DELETE_SCHEDULE, {"id": schedule["id"]}),
            (SAVE_SCHEDULE, {"id": schedule["id"], "enabled": False}),
            (SAVE_SCHEDULE, {"reportId": report["id"], "deliveries": [], **DAILY}),
            (GENERATE, {"reportId": report["id"], "format": "CSV"}),
        ):
            done = await reports.do(document, given, who)
            assert [error["code"] for error in done["userErrors"]] == ["NOT_FOUND"]
    done = await reports.save(BEN, kind="USER_PERFORMANCE", groupId=None, userId=reports.ask.id("User", "ben"))
    assert errors_of(done) == [("input", "FORBIDDEN")]
    # Whoever administers changes what it is, not as whom it is made.
    changed = await reports.saved(ROOT, id=report["id"], title="Checked")
    assert changed["owner"] == {"externalId": "ada"}
    assert rows(reports.ask, "SELECT subject, role, title FROM reports") == [("ada", "TEACHER", "Checked")]
    done = await reports.do(DELETE, {"id": report["id"]}, ROOT)
    assert done == {"deletedId": report["id"], "userErrors": []}
    assert reports.one("SELECT count(*) FROM report_schedules") == 0


async def test_an_owner_is_what_their_token_claims_now(reports: Reports) -> None:
    saved = await reports.saved({"person": "ada", "role": "MANAGER"})
    await reports.saved(id=saved["id"])
    assert rows(reports.ask, "SELECT role, roster_role FROM reports") == [("TEACHER", "TEACHER")]


async def test_a_schedule_says_when_it_runs(reports: Reports) -> None:
    schedule = await reports.new_schedule()
    runs = islice(Cron.parse(DAILY["cron"]).runs_after(datetime.now(UTC), ZoneInfo(DAILY["timeZone"])), 5)
    assert schedule["nextRuns"] == [f"{run:%Y-%m-%dT%H:%M:%S.000Z}" for run in runs]
    assert schedule["nextRunAt"] == schedule["nextRuns"][0]
    assert (schedule["enabled"], schedule["pausedFor"], schedule["lastRun"]) == (True, None, None)


async def test_a_schedule_is_paused_and_goes_on(reports: Reports) -> None:
    target = {"channel": "SLACK", "target": HOOK}
    schedule = await reports.new_schedule(deliveries=[target])
    paused = await reports.scheduled(id=schedule["id"], enabled=False)
    assert paused == {**schedule, "enabled": False, "nextRunAt": None, "nextRuns": []}
    # To change something else leaves it paused.
    moved = await reports.scheduled(id=schedule["id"], timeZone="Europe/Madrid")
    assert (moved["enabled"], moved["timeZone"], moved["deliveries"]) == (
        False,
        "Europe/Madrid",
        schedule["deliveries"],
    )
    assert moved["deliveries"] == [{"channel": "SLACK", "target": "https://hooks.slack.com/***", "attach": False}]
    with reports.ask.database.connect() as owner:
        owner.execute("UPDATE report_schedules SET paused_for = 'PERMISSION_REVOKED', failures = 3")
    stopped = (await reports.ask("{ reports { nodes { schedules { enabled pausedFor } } } }")).data
    assert stopped is not None
    assert stopped["reports"]["nodes"][0]["schedules"] == [{"enabled": False, "pausedFor": "PERMISSION_REVOKED"}]
    resumed = await reports.scheduled(id=schedule["id"], enabled=True)
    assert (resumed["enabled"], resumed["pausedFor"]) == (True, None)
    assert reports.one("SELECT failures FROM report_schedules") == 0
    assert reports.one("SELECT target FROM schedule_deliveries") == HOOK


async def test_a_run_that_is_due_stays_due_when_something_else_is_saved(reports: Reports) -> None:
    schedule = await reports.new_schedule()
    with reports.ask.database.connect() as owner:
        owner.execute("UPDATE report_schedules SET next_run_at = '2026-01-01Z'")
    assert (await reports.scheduled(id=schedule["id"], format="CSV"))["nextRunAt"] == "2026-01-01T00:00:00.000Z"
    assert (await reports.scheduled(id=schedule["id"], cron="0 8 * * *"))["nextRunAt"] > "2026-01-02"


@pytest.mark.parametrize(
    ("given", "path", "code"),
    [
        ({"cron": "* * * * *"}, "input.cron", "VALIDATION"),
        ({"cron": "0 0 30 2 *"}, "input.cron", "VALIDATION"),
        ({"timeZone": "CET"}, "input.timeZone", "VALIDATION"),
        ({"dialect": "EXCEL"}, "input.dialect", "VALIDATION"),
        ({"cron": None}, "input.cron", "VALIDATION"),
        ({"deliveries": None}, "input.deliveries", "VALIDATION"),
        ({"reportId": None}, "input.reportId", "VALIDATION"),
        ({"reportId": "Report:999"}, "input.reportId", "NOT_FOUND"),
        ({"id": "ExportSchedule:999"}, "input.id", "NOT_FOUND"),
    ],
)
async def test_what_cannot_be_a_schedule_is_refused(
    shared: Reports, given: dict[str, Any], path: str, code: str
) -> None:
    report = await shared.saved(title="Scheduled")
    done = await shared.schedule(
        **_with_ids(shared.ask, {"reportId": report["id"], "deliveries": [], **DAILY, **given})
    )
    assert done["schedule"] is None
    assert errors_of(done) == [(path, code)]
    assert shared.one("SELECT count(*) FROM report_schedules") == 0


MAIL = {"channel": "EMAIL", "target": "ada@north.example", "attach": True}


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (MAIL, None),
        ({**MAIL, "target": "MIA@north.example"}, None),
        ({**MAIL, "target": "ben@north.example"}, "0.target"),
        ({**MAIL, "target": "tom@north.example"}, "0.target"),
        ({**MAIL, "target": "mia@south.example"}, "0.target"),
        ({**MAIL, "target": "eve@evil.example"}, "0.target"),
        ({**MAIL, "target": "ada@north.example\r\nBcc: eve@evil.example"}, "0.target"),
        ({**MAIL, "secret": SECRET}, "0.secret"),
        ({"channel": "SLACK", "target": HOOK}, None),
        ({"channel": "SLACK", "target": HOOK, "attach": True}, "0.attach"),
        ({"channel": "SLACK", "target": "https://169.254.169.254/latest"}, "0.target"),
        ({"channel": "SLACK", "target": "http://hooks.slack.com/services/x"}, "0.target"),
        ({"channel": "TELEGRAM", "target": "-100123"}, None),
        ({"channel": "TELEGRAM", "target": "../getMe"}, "0.target"),
        ({"channel": "WEBHOOK", "target": "https://x.example/hook", "secret": SECRET}, None),
        ({"channel": "WEBHOOK", "target": "https://x.example/hook"}, "0.secret"),
        ({"channel": "WEBHOOK", "target": "https://x.example/hook", "secret": "whsec_short"}, "0.secret"),
    ],
)
async def test_to_whom_an_export_can_be_delivered(shared: Reports, target: dict[str, Any], path: str | None) -> None:
    group = shared.ask.id("Group", "alg-1")
    given = {"kind": "GROUP_REPORT", "groupId": group, "format": "CSV", "deliveries": [target]}
    done = await shared.do(REQUEST, given)
    kept = rows(shared.ask, "SELECT target, secret FROM deliveries")
    exports = rows(shared.ask, "SELECT id FROM exports")
    with shared.ask.database.connect() as owner:
        owner.execute("DELETE FROM exports")
    if path is not None:
        assert errors_of(done) == [(f"input.deliveries.{path}", "VALIDATION")]
        assert target["target"] not in done["userErrors"][0]["message"]
        assert (kept, exports) == ([], [])
        return
    assert done["userErrors"] == []
    [shown] = done["export"]["deliveries"]
    assert (shown["status"], shown["tries"], shown["error"], shown["sentAt"]) == ("PENDING", 0, None, None)
    assert "***" in shown["target"]
    assert kept == [(target["target"], target.get("secret"))]


async def test_targets_are_told_apart_and_kept_nowhere_else(reports: Reports) -> None:
    given = {"kind": "ATTEMPTS", "format": "CSV", "idempotencyKey": "k"}
    hooks = [{"channel": "WEBHOOK", "target": "https://x.example/a", "secret": SECRET}]
    first = await reports.do(REQUEST, {**given, "deliveries": hooks})
    again = await reports.do(REQUEST, {**given, "deliveries": hooks})
    assert (again["replayed"], again["export"]["id"]) == (True, first["export"]["id"])
    hooks[0]["target"] = "https://x.example/b"
    other = await reports.do(REQUEST, {**given, "deliveries": hooks})
    assert errors_of(other) == [("input.idempotencyKey", "IDEMPOTENCY_MISMATCH")]
    assert "x.example" not in str(reports.one("SELECT body FROM exports"))
    many = await reports.do(REQUEST, {"kind": "ATTEMPTS", "format": "CSV", "deliveries": [MAIL] * 11})
    assert errors_of(many) == [("input.deliveries", "VALIDATION")]


async def test_a_report_is_made_now_as_whoever_asks(reports: Reports) -> None:
    report = await reports.saved(period={"calendar": "YESTERDAY"})
    given = {"reportId": report["id"], "format": "XLSX", "deliveries": [MAIL], "idempotencyKey": "k"}
    done = await reports.do(GENERATE, given)
    export = done["export"]
    assert export["report"] == {"id": report["id"], "title": "Weekly"}
    assert (export["format"], export["dueAt"], export["isLate"]) == ("XLSX", None, False)
    assert [one["target"] for one in export["deliveries"]] == ["a***@north.example"]
    again = await reports.do(GENERATE, given)
    assert (again["replayed"], again["export"]["id"]) == (True, export["id"])
    assert set(reports.one("SELECT parameters FROM exports")["period"]) == {"from", "to"}
    by_root = await reports.do(GENERATE, {"reportId": report["id"], "format": "CSV"}, ROOT)
    assert by_root["userErrors"] == []
    assert rows(reports.ask, "SELECT subject, role FROM exports ORDER BY id") == [("ada", "TEACHER"), ("root", "ADMIN")]
    listed = (await reports.ask(ALL)).data
    assert listed is not None
    # Each sees their own runs of it.
    assert [run["id"] for run in listed["reports"]["nodes"][0]["runs"]["nodes"]] == [export["id"]]


async def test_whoever_lost_the_group_cannot_have_it_made(reports: Reports) -> None:
    report = await reports.saved()
    with reports.ask.database.connect() as owner:
        owner.execute("UPDATE group_memberships SET valid_to = now() WHERE role = 'LEAD'")
    done = await reports.do(GENERATE, {"reportId": report["id"], "format": "CSV"})
    assert errors_of(done) == [("input.groupId", "NOT_FOUND")]


async def test_runs_of_schedules_are_not_counted_in_the_limit(reports: Reports) -> None:
    schedule = await reports.new_schedule()
    key = parse_global_id(schedule["id"], "id")[1]
    with reports.ask.database.connect() as owner:
        owner.execute(
            "INSERT INTO exports (organization_id, requested_by, subject, role, kind, format, parameters, body, schedule_id, report_id, due_at,"
            " is_late) SELECT s.organization_id, r.owner_id, 'ada', 'TEACHER', 'GROUP_REPORT', 'PDF', '{}', '{}', s.id, r.id, now(), true"
            " FROM report_schedules s JOIN reports r ON r.id = s.report_id, generate_series(1, 7) WHERE s.id = %s",
            (key,),
        )
    answer = await reports.ask("{ viewer { exportQuota { remaining } } exportSchedules { lastRun { isLate } } }")
    assert answer.data == {
        "viewer": {"exportQuota": {"remaining": 5}},
        "exportSchedules": [{"lastRun": {"isLate": True}}],
    }
    # They stay when their schedule and report go.
    done = await reports.do(DELETE, {"id": schedule["report"]["id"]})
    assert done["userErrors"] == []
    assert rows(reports.ask, "SELECT DISTINCT schedule_id, report_id FROM exports") == [(None, None)]


async def test_there_is_an_end_to_reports_and_schedules(reports: Reports) -> None:
    report = await reports.saved()
    key = parse_global_id(report["id"], "id")[1]
    with reports.ask.database.connect() as owner:
        owner.execute(
            "INSERT INTO report_schedules (organization_id, report_id, format, cron, time_zone)"
            " SELECT organization_id, id, 'PDF', '0 0 * * *', 'UTC' FROM reports, generate_series(1, 20) WHERE id = %s",
            (key,),
        )
        owner.execute(
            "INSERT INTO reports (organization_id, owner_id, subject, role, title, kind, parameters) SELECT organization_id,"
            " owner_id, subject, role, title, kind, parameters FROM reports, generate_series(1, 199)"
        )
    done = await reports.schedule(reportId=report["id"], deliveries=[], **DAILY)
    assert errors_of(done) == [("input.reportId", "INVALID_STATE")]
    assert errors_of(await reports.save()) == [("input", "INVALID_STATE")]
    assert (await reports.save(MIA))["userErrors"] == []


def _with_ids(ask: Asker, given: dict[str, Any]) -> dict[str, Any]:
    """``Group:alg-1`` as the graph has it."""

    def shown(value: Any) -> Any:
        if not isinstance(value, str) or ":" not in value or value.startswith("http"):
            return value
        kind, _, key = value.partition(":")
        return global_id(kind, int(key)) if key.isdigit() else ask.id(kind, key)

    return {name: shown(value) for name, value in given.items()}
