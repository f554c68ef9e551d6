"""Our own pages are answered by their plans alone, for whoever asks, and as the standard executor would."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.execution.callers import KNOWN, UNKNOWN, Caller, name_of
from tests.execution.conftest import School

GOLDEN = Path(__file__).parents[1] / "golden"
PAGES = sorted(path.name for path in GOLDEN.iterdir() if path.is_dir())


@pytest.mark.parametrize("caller", KNOWN, ids=name_of)
@pytest.mark.parametrize("page", PAGES)
async def test_pages_are_answered_by_their_plans(lively_school: School, page: str, caller: Caller) -> None:
    """Also where part of a page is not for the caller, and there are errors."""
    answer, bailouts = await lively_school.both((GOLDEN / page / "query.graphql").read_text(), caller)
    assert answer.data
    assert not bailouts


@pytest.mark.parametrize("caller", UNKNOWN, ids=name_of)
@pytest.mark.parametrize("page", PAGES)
async def test_pages_that_strangers_ask_for(lively_school: School, page: str, caller: Caller) -> None:
    """`viewer` is never null: where there is none the whole answer is, which is left to the standard executor."""
    text = (GOLDEN / page / "query.graphql").read_text()
    answer, bailouts = await lively_school.both(text, caller)
    assert {(error.extensions or {})["code"] for error in answer.errors or ()} == {"UNAUTHENTICATED"}
    assert bool(bailouts) == ("viewer {" in text)
