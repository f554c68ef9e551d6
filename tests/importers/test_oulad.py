"""The Open University data set: exact numbers, again and again, after a crash, and from broken files."""

from __future__ import annotations

import gzip
import signal
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from importers import loader
from importers.loader import ImportFailed
from importers.oulad import ImportSummary, import_oulad
from tests.asking import Asker
from tests.conftest import Database, Servers
from tests.importers.oulad_folder import TABLES, write_folder

ROOT = Path(__file__).parents[2]
CONTENTS = (
    "organizations",
    "users",
    "groups",
    "group_memberships",
    "topics",
    "labs",
    "lab_topics",
    "assignments",
    "attempts",
)
TOTALS = """
SELECT sum(attempts), sum(successes), sum(deadlines), sum(on_time), sum(score_sum), sum(early_seconds),
  count(*) FILTER (WHERE attempts > 0), count(*)
FROM user_totals_live
"""


def ask(database: Database, statement: str) -> Any:
    with database.connect() as owner:
        return owner.execute(statement).fetchall()


def state(database: Database) -> dict[str, Any]:
    """Every row of every table with the transaction that wrote it."""
    return {
        table: ask(database, f"SELECT t.xmin::text, t.* FROM {table} t ORDER BY t")
        for table in (
            *CONTENTS,
            "user_totals",
            "user_lab_totals",
            "user_topic_totals",
            "user_days",
            "lab_days",
            "view_refreshes",
        )
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "oulad", gzipped=("studentAssessment", "courses"))


@pytest.fixture
def empty(new_database: Callable[[], Database]) -> Database:
    return new_database()


def test_a_small_folder(empty: Database, folder: Path) -> None:
    told: list[tuple[str, int, int]] = []
    summary = import_oulad(empty.url, folder, progress=lambda *what: told.append(what))
    assert summary == ImportSummary(
        topics=2,
        groups=2,
        labs=3,
        assignments=3,
        users=4,
        memberships=5,
        attempts=4,
        attempts_known=0,
        attempts_differing=0,
        banked=1,
    )
    # 11: due on day 19 at noon: 0 and −1 days; 21: due on day 54, handed in on day −1: 55 days
    assert ask(empty, TOTALS) == [(4, 2, 3, 2, Decimal("159.5"), Decimal(54 * 86_400), 2, 4)]
    attempts = ask(
        empty,
        "SELECT a.source, a.source_id, l.type, l.title, a.status, a.completed_at::text, a.due_at::text, a.score, a.counted, "
        "i.group_id = (SELECT id FROM groups WHERE external_id = left(l.type, 9)) AND i.lab_id = l.id "
        "FROM attempts a JOIN labs l ON l.id = lab_id JOIN assignments i ON i.id = a.assignment_id ORDER BY source_id",
    )
    assert attempts == [
        (
            "CSV",
            "11-1",
            "AAA-2013J-11",
            "AAA 2013J TMA 11",
            "SUCCEEDED",
            "2013-10-20 12:00:00+00",
            "2013-10-20 12:00:00+00",
            80,
            True,
            True,
        ),
        (
            "CSV",
            "11-2",
            "AAA-2013J-11",
            "AAA 2013J TMA 11",
            "FAILED",
            "2013-10-21 12:00:00+00",
            "2013-10-20 12:00:00+00",
            Decimal("39.5"),
            False,
            True,
        ),
        (
            "CSV",
            "12-1",
            "AAA-2013J-12",
            "AAA 2013J Exam 12",
            "FAILED",
            "2014-04-19 12:00:00+00",
            None,
            None,
            False,
            True,
        ),
        (
            "CSV",
            "21-2",
            "BBB-2014B-21",
            "BBB 2014B CMA 21",
            "SUCCEEDED",
            "2014-01-31 12:00:00+00",
            "2014-03-27 12:00:00+00",
            40,
            True,
            True,
        ),
    ]
    memberships = ask(
        empty,
        "SELECT g.external_id, u.external_id, m.valid_from::date::text, m.valid_to::date::text FROM group_memberships m "
        "JOIN groups g ON g.id = group_id JOIN users u ON u.id = user_id ORDER BY 1, 2",
    )
    assert memberships == [
        ("AAA-2013J", "1", "2013-09-21", None),
        ("AAA-2013J", "2", "2013-09-26", "2013-10-31"),
        ("AAA-2013J", "3", "2013-10-01", None),
        ("AAA-2013J", "4", "2013-10-21", "2013-10-22"),
        ("BBB-2014B", "2", "2014-02-01", None),
    ]
    assert ask(empty, "SELECT count(*) FROM attempt_deltas") == [(0,)]
    assert ask(empty, "SELECT count(*) FROM internal.score_ranks") == [(2,)]
    assert dict.fromkeys(stage for stage, _, _ in told) == dict.fromkeys(
        ["read", "catalogue", "people", "attempts", "fold", "views"]
    )
    assert all(0 <= done <= total for _, done, total in told)


def test_again_changes_nothing(empty: Database, folder: Path) -> None:
    import_oulad(empty.url, folder)
    before = state(empty)
    summary = import_oulad(empty.url, folder)
    assert (summary.users, summary.memberships, summary.assignments, summary.attempts) == (0, 0, 0, 0)
    assert (summary.attempts_known, summary.attempts_differing) == (4, 0)
    assert state(empty) == before


def test_changed_files_add_and_never_rewrite(empty: Database, folder: Path) -> None:
    import_oulad(empty.url, folder)
    before = ask(empty, "SELECT xmin::text, * FROM attempts ORDER BY id")
    changed = TABLES["studentAssessment"].replace("11,1,19,0,80", "11,1,19,0,81") + "11,3,18,0,100\r\n"
    (folder / "studentAssessment.csv.gz").write_bytes(gzip.compress(changed.encode()))
    summary = import_oulad(empty.url, folder)
    assert (summary.attempts, summary.attempts_known, summary.attempts_differing) == (1, 4, 1)
    assert ask(empty, "SELECT xmin::text, * FROM attempts ORDER BY id")[:4] == before
    assert ask(empty, TOTALS)[0][:2] == (5, 3)


def test_an_attempt_from_elsewhere_stays_counted_if_it_was_first(empty: Database, folder: Path) -> None:
    without = TABLES["studentAssessment"].replace("11,1,19,0,80\r\n", "")
    (folder / "studentAssessment.csv.gz").write_bytes(gzip.compress(without.encode()))
    import_oulad(empty.url, folder)
    with empty.connect() as owner:
        owner.execute(
            "INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at) SELECT u.organization_id, u.id, l.id, "
            "'SUCCEEDED', timestamptz '2013-10-02 00:00Z' FROM users u, labs l WHERE u.external_id = '1' AND l.type = 'AAA-2013J-11'"
        )
    (folder / "studentAssessment.csv.gz").write_bytes(gzip.compress(TABLES["studentAssessment"].encode()))
    assert import_oulad(empty.url, folder).attempts == 1
    assert ask(empty, "SELECT source FROM attempts WHERE counted AND source_id IS DISTINCT FROM '21-2'") == [("API",)]


def test_as_the_worker(empty: Database, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader.Loader, "_may_become_owner", lambda self: False)
    assert import_oulad(empty.url, folder).attempts == 4
    assert ask(empty, "SELECT count(*) FROM attempt_deltas") == [(0,)]


@pytest.mark.parametrize(
    ("table", "text", "message"),
    [
        ("courses", "", "courses.csv: the file is empty"),
        ("courses", "code_module,length\r\nAAA,1\r\n", "courses.csv, line 1: column code_presentation is missing"),
        ("courses", "code_module,code_module,code_presentation\r\n", "line 1: column code_module comes twice"),
        ("courses", "code_module,code_presentation\r\nAAA,2013X\r\n", "courses.csv, line 2, column code_presentation: '2013X' is not"),
        ("courses", "code_module,code_presentation\r\nAAA,2013J\r\nAAA,2013J\r\n", "line 3, column code_presentation: AAA 2013J comes twice"),
        ("assessments", TABLES["assessments"].replace('"19"', '"nineteen"'), "assessments.csv, line 2, column date: 'nineteen' is not a whole number"),
        ("assessments", TABLES["assessments"].replace('"BBB"', '"ZZZ"'), "assessments.csv, line 4, column code_presentation: 'ZZZ' '2014B' is not in courses"),
        ("assessments", TABLES["assessments"].replace('"12"', '"11"'), "assessments.csv, line 3, column id_assessment: assessment 11 comes twice"),
        ("studentInfo", TABLES["studentInfo"].replace(",1,M", ",१,M"), "studentInfo.csv, line 2, column id_student"),
        ("studentInfo", TABLES["studentInfo"] + "AAA,2013J,1,M,Wales\r\n", "studentInfo.csv, line 7, column id_student: student 1 comes twice"),
        ("studentRegistration", TABLES["studentRegistration"] + "AAA,2013J,99,1,\r\n", "line 7, column id_student: student 99 of AAA-2013J is not in"),
        ("studentRegistration", TABLES["studentRegistration"].replace("-10", "1e3"), "line 2, column date_registration: '1e3'"),
        ("studentAssessment", TABLES["studentAssessment"].replace("39.5", "NaN"), "studentAssessment.csv, line 3, column score: 'NaN' is not a number"),
        ("studentAssessment", TABLES["studentAssessment"].replace("39.5", "101"), "line 3, column score: '101' is not a number from 0 to 100"),
        ("studentAssessment", TABLES["studentAssessment"].replace("0,40", "2,40"), "line 5, column is_banked: '2' is not 0 or 1"),
        ("studentAssessment", TABLES["studentAssessment"].replace("-1,0", ",0"), "line 5, column date_submitted: '' is not a whole number"),
        ("studentAssessment", TABLES["studentAssessment"].replace("-1,0", "99999999999,0"), "line 5, column date_submitted"),
        ("studentAssessment", TABLES["studentAssessment"] + "77,1,1,0,50\r\n", "line 7, column id_assessment: assessment '77' is not in"),
        ("studentAssessment", TABLES["studentAssessment"] + "21,1,1,0,50\r\n", "line 7, column id_student: student '1' of BBB-2014B is not in"),
        ("studentAssessment", TABLES["studentAssessment"] + "11,1,1,0,50\r\n", "line 7, column id_student: student 1 comes twice"),
        ("studentAssessment", TABLES["studentAssessment"] + "11,1,1\r\n", "line 7: 3 cells where there are 5 columns, is_banked is missing"),
        ("studentAssessment", TABLES["studentAssessment"] + "11,3,1,0,5", "line 7: the last line has no end"),
        ("studentAssessment", TABLES["studentAssessment"] + '11,3,1,0,"5\r\n', "studentAssessment.csv, line 7: unexpected end of data"),
        ("studentAssessment", TABLES["studentAssessment"] + "11,3,1,0,5,6\r\n", "line 7: 6 cells where there are 5 columns"),
    ],
)  # fmt: skip
def test_a_broken_file_is_named_and_nothing_is_written(
    database: Database, tmp_path: Path, table: str, text: str, message: str
) -> None:
    folder = write_folder(tmp_path / "oulad", **{table: text})
    with pytest.raises(ImportFailed) as failure:
        import_oulad(database.url, folder)
    assert message in str(failure.value)
    assert ask(database, "SELECT count(*) FROM organizations") == [(0,)]


def test_broken_compression_and_encoding(tmp_path: Path, database: Database) -> None:
    folder = write_folder(tmp_path / "oulad", gzipped=("studentAssessment",))
    path = folder / "studentAssessment.csv.gz"
    whole = path.read_bytes()
    for data, message in (
        (whole[:-12], "the file is cut off"),
        (whole[: len(whole) // 2], "the file is cut off"),
        (b"plain text\n", "the file is damaged"),
        (whole[:30] + bytes(20) + whole[50:], "the file is"),
        (gzip.compress(b"id\xff\n"), "line 1: the text is not in UTF-8"),
        (b"", "the file is empty"),
    ):
        path.write_bytes(data)
        with pytest.raises(ImportFailed, match=message):
            import_oulad(database.url, folder)
    (folder / "studentAssessment.csv").write_text(TABLES["studentAssessment"])
    with pytest.raises(ImportFailed, match="has both"):
        import_oulad(database.url, folder)
    path.unlink()
    (folder / "courses.csv").unlink()
    with pytest.raises(ImportFailed, match=r"has neither courses.csv.gz nor courses.csv"):
        import_oulad(database.url, folder)
    assert ask(database, "SELECT count(*) FROM organizations") == [(0,)]


def test_tables_without_rows(empty: Database, tmp_path: Path) -> None:
    headers = {name: text.splitlines(keepends=True)[0] for name, text in TABLES.items()}
    summary = import_oulad(empty.url, write_folder(tmp_path / "oulad", **headers))
    assert (summary.users, summary.labs, summary.attempts) == (0, 0, 0)
    assert ask(empty, "SELECT slug FROM organizations") == [("open-university",)]


KILLED = """
import os, signal, sys
from pathlib import Path
from importers import loader
from importers.oulad import import_oulad

loader.ROWS_PER_INSERT = 1
def progress(stage, done, total):
    if f"{stage} {done}" == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)
import_oulad(sys.argv[1], Path(sys.argv[2]), progress=progress)
"""


def test_killed_anywhere_it_is_finished_by_another_run(empty: Database, folder: Path) -> None:
    kept = []
    for moment in ("catalogue 0", "catalogue 3", "people 5", "attempts 2", "fold 0", "views 3"):
        killed = subprocess.run([sys.executable, "-c", KILLED, empty.url, str(folder), moment], cwd=ROOT, check=False)
        assert killed.returncode == -signal.SIGKILL, moment
        kept += ask(
            empty, "SELECT (SELECT count(*) FROM labs), (SELECT count(*) FROM users), (SELECT count(*) FROM attempts)"
        )
    # Whole stages, or nothing of one: no single attempt of the two that were inserted when it died.
    assert kept == [(0, 0, 0), (3, 0, 0), (3, 4, 0), (3, 4, 0), (3, 4, 4), (3, 4, 4)]
    import_oulad(empty.url, folder)
    assert ask(empty, TOTALS) == [(4, 2, 3, 2, Decimal("159.5"), Decimal(54 * 86_400), 2, 4)]
    assert ask(empty, "SELECT count(*) FROM view_refreshes WHERE refreshed_at IS NULL OR last_error IS NOT NULL") == [
        (0,)
    ]
    assert ask(empty, "SELECT count(*) FROM attempt_deltas") == [(0,)]


@pytest.fixture(scope="module")
def imported(new_database: Callable[[], Database], shared_data: Path) -> tuple[Database, ImportSummary]:
    database = new_database()
    return database, import_oulad(database.url, shared_data / "oulad")


def test_the_whole_data_set(imported: tuple[Database, ImportSummary]) -> None:
    database, summary = imported
    assert summary == ImportSummary(
        topics=7,
        groups=22,
        labs=206,
        assignments=206,
        users=28_785,
        memberships=32_593,
        attempts=172_003,
        attempts_known=0,
        attempts_differing=0,
        banked=1_909,
    )
    numbers = (172_003, 164_315, 169_138, 119_820, 13_027_490, 2_683_439 * 86_400)
    assert ask(database, TOTALS) == [(*numbers, 23_309, 28_785)]
    for view in ("user_lab_totals_live", "user_days_live", "lab_days_live"):
        sums = ask(
            database,
            f"SELECT sum(attempts), sum(successes), sum(deadlines), sum(on_time), sum(score_sum), sum(early_seconds) FROM {view}",
        )
        assert sums == [numbers]
    assert ask(database, "SELECT count(*) FROM labs l WHERE NOT EXISTS (SELECT FROM attempts WHERE lab_id = l.id)") == [
        (18,)
    ]
    assert ask(database, "SELECT count(*) FROM attempts WHERE score IS NULL") == [(172,)]
    assert ask(database, "SELECT count(*) FROM assignments WHERE due_at IS NULL") == [(11,)]
    several = (
        "SELECT count(*) FROM (SELECT FROM group_memberships GROUP BY user_id HAVING count(DISTINCT group_id) > 1) AS s"
    )
    assert ask(database, several) == [(3_538,)]


async def test_the_whole_data_set_in_the_graph(imported: tuple[Database, ImportSummary], servers: Servers) -> None:
    database, _ = imported
    asker = Asker(database, servers)
    try:
        answer = await asker(
            "{ organization { stats { totalAttempts totalUsers successRate measures {"
            " successes attemptsWithDeadline attemptsOnTime totalScore totalCompletionSpeedDays } } } }",
            person="dean",
            role="MANAGER",
            organization="open-university",
        )
    finally:
        await asker.aclose()
    assert answer.errors == []
    stats = answer.data["organization"]["stats"]
    assert stats["totalAttempts"] == "172003"
    assert stats["totalUsers"] == "23309"
    assert stats["measures"] == {
        "successes": "164315",
        "attemptsWithDeadline": "169138",
        "attemptsOnTime": "119820",
        "totalScore": 13_027_490,
        "totalCompletionSpeedDays": 2_683_439,
    }
    assert stats["successRate"] == pytest.approx(164_315 / 172_003, abs=1e-12)
