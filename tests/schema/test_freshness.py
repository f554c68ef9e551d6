"""What is exact at once, and what waits for a refresh and says so."""

from datetime import UTC, datetime, timedelta

import pytest

from settings import DatabaseRole
from tests.asking import Answer, Asker
from tests.school import fold_and_refresh

LAB = """query ($type: String!) { lab(by: {type: $type}) { stats {
  totalAttempts totalUsers commonErrors { code attempts share } median: medianCompletionTimeSeconds
  freshness { asOf refreshedAt version isStale source } } } }"""
MANAGER = {"person": "mia", "role": "MANAGER"}


async def stats_of(ask: Asker, lab: str, **who: str) -> dict[str, object]:
    answer: Answer = await ask(LAB, {"type": lab}, **(who or MANAGER))
    assert answer.errors == []
    assert answer.data is not None
    stats: dict[str, object] = answer.data["lab"]["stats"]
    return stats


def record_failure(ask: Asker, lab: str, person: str = "gus") -> None:
    with ask.database.connect() as owner:
        owner.execute(
            "INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, duration_seconds, errors)"
            " VALUES ((SELECT id FROM organizations WHERE slug = 'north'), %s, %s, 'FAILED', now(), 5, ARRAY['E_NEW'])",
            (ask.key("users", person), ask.key("labs", lab)),
        )


async def test_sums_are_live_and_the_rest_waits_for_the_refresh(fresh_ask: Asker) -> None:
    record_failure(fresh_ask, "l1")
    before = await stats_of(fresh_ask, "l1")
    assert (before["totalAttempts"], before["totalUsers"], before["median"]) == ("7", "4", 800.0)
    assert before["freshness"]["version"] == "1"
    with fresh_ask.database.connect(DatabaseRole.WORKER) as worker:
        fold_and_refresh(worker)
    after = await stats_of(fresh_ask, "l1")
    assert (after["totalAttempts"], after["totalUsers"], after["median"]) == ("7", "5", 700.0)
    assert after["freshness"]["version"] == "2"
    assert after["commonErrors"][0] == {"code": "E_NEW", "attempts": "1", "share": pytest.approx(1 / 7)}


async def test_ones_own_people_never_wait(fresh_ask: Asker) -> None:
    record_failure(fresh_ask, "l1", person="ben")
    stats = await stats_of(fresh_ask, "l1", person="ada", role="TEACHER")
    assert (stats["totalAttempts"], stats["totalUsers"], stats["median"]) == ("6", "3", 650.0)
    assert stats["freshness"] == {
        "asOf": stats["freshness"]["asOf"],
        "refreshedAt": None,
        "version": None,
        "isStale": False,
        "source": "LIVE",
    }


async def test_what_a_person_did_never_waits(fresh_ask: Asker) -> None:
    """The new failure at l2 is not folded: one part of ben's sums is in the rollup, the other is pending."""
    record_failure(fresh_ask, "l2", person="ben")
    document = """{ user(by: {username: "ben"}) { labStats { lab { type } attempts successRate completed }
      topicStats { topic { title } score mastery measures { attempts } } } }"""
    answer = await fresh_ask(document)
    assert answer.data is not None
    assert answer.data["user"]["labStats"][1] == {
        "lab": {"type": "l2"},
        "attempts": 2,
        "successRate": 0.5,
        "completed": True,
    }
    assert [
        (row["score"], row["mastery"], row["measures"]["attempts"]) for row in answer.data["user"]["topicStats"]
    ] == [(62.0, 1.0, "5"), (37.0, 0.5, "2")]


async def test_a_lab_newer_than_the_refresh_is_computed(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect() as owner:
        owner.execute(
            "INSERT INTO labs (organization_id, type, title)"
            " VALUES ((SELECT id FROM organizations WHERE slug = 'north'), 'l9', 'Lab 9')"
        )
    record_failure(fresh_ask, "l9")
    stats = await stats_of(fresh_ask, "l9")
    assert (stats["totalAttempts"], stats["totalUsers"], stats["median"]) == ("1", "1", 5.0)
    assert stats["freshness"]["source"] == "LIVE"


@pytest.mark.parametrize(
    ("age", "is_stale"), [(timedelta(minutes=2, seconds=50), False), (timedelta(minutes=3, seconds=10), True)]
)
async def test_views_are_stale_after_three_intervals(fresh_ask: Asker, age: timedelta, is_stale: bool) -> None:
    refreshed_at = datetime.now(UTC) - age
    with fresh_ask.database.connect() as owner:
        owner.execute("UPDATE view_refreshes SET refreshed_at = %s", (refreshed_at,))
    freshness = (await stats_of(fresh_ask, "l1"))["freshness"]
    assert datetime.fromisoformat(freshness["refreshedAt"]) - refreshed_at < timedelta(milliseconds=1)
    assert datetime.fromisoformat(freshness["asOf"]) >= refreshed_at + age
    assert (freshness["source"], freshness["isStale"]) == ("MATERIALIZED", is_stale)


async def test_a_view_that_was_never_refreshed_is_stale(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect() as owner:
        owner.execute("UPDATE view_refreshes SET refreshed_at = NULL")
    freshness = (await stats_of(fresh_ask, "l1"))["freshness"]
    assert (freshness["refreshedAt"], freshness["version"], freshness["isStale"]) == (None, None, True)


async def test_one_statement_for_all_views(ask: Asker) -> None:
    document = "{ labs { nodes { stats { freshness { version } } topics { stats { freshness { version } } } } } }"
    answer = await ask(document, **MANAGER)
    assert answer.errors == []
    assert sum("view_refreshes" in statement for statement in answer.statements) == 1


async def test_what_has_not_changed_does_not_go_stale(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect(DatabaseRole.WORKER) as worker:
        worker.execute("UPDATE view_refreshes SET refreshed_at = now() - interval '1 day'")
        assert (await stats_of(fresh_ask, "l1"))["freshness"]["isStale"]
        worker.execute("UPDATE view_refreshes SET checked_at = now()")
        assert not (await stats_of(fresh_ask, "l1"))["freshness"]["isStale"]
