"""How many errors an answer tells."""

from __future__ import annotations

from typing import Any

import pytest

from execution.error_limit import limit_errors


def failed(times: int) -> list[dict[str, Any]]:
    return [{"message": f"error {number}"} for number in range(times)]


@pytest.mark.parametrize("times", [1, 5])
def test_a_few_are_told_as_they_are(times: int) -> None:
    answer = {"data": None, "errors": failed(times)}
    limit_errors(answer)
    assert answer == {"data": None, "errors": failed(times)}


def test_of_many_the_first_are_told_and_the_rest_counted() -> None:
    answer: dict[str, Any] = {"data": None, "errors": failed(200), "extensions": {"cost": {"nodes": 200}}}
    limit_errors(answer)
    assert answer["errors"] == failed(5)
    assert answer["extensions"] == {"cost": {"nodes": 200}, "errorsOmitted": 195}


def test_an_answer_without_errors_stays_as_it_is() -> None:
    answer: dict[str, Any] = {"data": {}}
    limit_errors(answer)
    assert answer == {"data": {}}
