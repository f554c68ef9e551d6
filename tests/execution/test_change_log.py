"""What was heard lately."""

from __future__ import annotations

from db.changes import EVERYTHING
from execution.change_log import ChangeLog


def heard(*messages: str, most_tags: int = 100) -> ChangeLog:
    log = ChangeLog(most_tags)
    for message in messages:
        log.add(frozenset(message.split()))
    return log


def test_a_change_concerns_from_a_position_to_a_position() -> None:
    log = heard("org:1 user:1", "org:1 user:2", "org:1 user:3")
    assert log.position == 3
    assert [log.concerns({"user:2"}, since) for since in range(4)] == [True, True, False, False]
    assert [log.concerns({"user:2"}, 0, upto) for upto in range(4)] == [False, False, True, True]
    assert not log.concerns({"user:2"}, 1, 1)
    assert not log.concerns({"user:9"}, 0)
    assert not log.concerns(set(), 0)


def test_everything_concerns_everybody() -> None:
    log = heard("org:1 user:1", EVERYTHING)
    assert log.concerns({"user:9"}, 1)
    assert not log.concerns({"user:9"}, 0, 1)
    assert not log.concerns({"user:9"}, 2)


def test_what_is_forgotten_counts_as_anything() -> None:
    log = heard(*(f"user:{number}" for number in range(20)), most_tags=5)
    assert log.concerns({"user:99"}, 14)
    assert not log.concerns({"user:99"}, 15)
    assert log.concerns({"user:15"}, 15)
    assert not log.concerns({"user:15"}, 16)
