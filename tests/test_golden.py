"""Golden pages: a query, its answer, and the SQL it took, each frozen in a file of `tests/golden/<page>/`.

A page that asks more than one statement per relation and level, or loses one's index, shows in review as a text diff.
`SCOREGRAPH_UPDATE_GOLDEN=1 make test ARGS="tests/test_golden.py"` writes the files anew; never in CI.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.asking import Asker
from tests.conftest import Database, Servers
from tests.school import build_platform, build_school, fold_and_refresh

GOLDEN = Path(__file__).parent / "golden"
PAGES = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())
UPDATE = os.environ.get("SCOREGRAPH_UPDATE_GOLDEN") == "1" and not os.environ.get("CI")

# The first line of a query says who asks: "# ada TEACHER".
ASKED_BY = re.compile(r"# (?P<person>\w+) (?P<role>[A-Z]+)\n")


@pytest.fixture(scope="module")
async def school(new_database: Callable[[], Database], servers: Servers) -> AsyncIterator[Asker]:
    """A database that nothing else has touched, so that ids are the same every time."""
    database = new_database()
    with database.connect() as owner:
        build_school(owner)
        build_platform(owner)
    with database.connect(None) as worker:
        worker.execute("SET ROLE scoregraph_worker")
        fold_and_refresh(worker)
    asker = Asker(database, servers)
    yield asker
    await asker.aclose()


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_answers_as_it_did(school: Asker, page: str) -> None:
    folder = GOLDEN / page
    document = (folder / "query.graphql").read_text()
    asked_by = ASKED_BY.match(document)
    assert asked_by is not None, "the first line says who asks, as in: # ada TEACHER"
    answer = await school(document, **asked_by.groupdict())
    assert answer.errors == []
    given = {
        "answer.json": json.dumps(answer.data, indent=2, ensure_ascii=False) + "\n",
        # Sorted: siblings run at once, and which of them asks first is nobody's promise.
        "statements.sql": "".join(sorted(f"{_tidy(statement)};\n\n" for statement in answer.statements)).rstrip()
        + "\n",
    }
    for name, text in given.items():
        if UPDATE:
            (folder / name).write_text(text)
        assert (folder / name).read_text() == text


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_takes_no_statement_per_row(school: Asker, page: str) -> None:
    """A statement may serve several levels of a page, never the rows of one: pages nest no relation three times."""
    document = (GOLDEN / page / "query.graphql").read_text()
    asked_by = ASKED_BY.match(document)
    assert asked_by is not None
    answer = await school(document, **asked_by.groupdict())
    most_asked = Counter(answer.statements).most_common(1)
    assert not most_asked or most_asked[0][1] <= 2, most_asked


def _tidy(statement: str) -> str:
    return "\n".join(line.rstrip() for line in statement.strip().splitlines() if line.strip())
