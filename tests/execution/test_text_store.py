"""Texts in memory, bounded."""

from __future__ import annotations

from execution.text_store import OVERHEAD, TextStore


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    store = TextStore(3 * (OVERHEAD + 10))
    for key in "abc":
        store.keep(key, "x" * 10)
    assert store.get("a") == "x" * 10
    store.keep("d", "x" * 10)
    assert [key for key in "abcd" if store.get(key)] == ["a", "c", "d"]


def test_bytes_are_counted_as_python_takes_them() -> None:
    store = TextStore(10_000)
    store.keep("a", "x" * 100)
    assert store.bytes == OVERHEAD + 100
    store.keep("a", "ä" * 100)
    assert store.bytes == OVERHEAD + 400, "what was there before does not count"
    for number in range(1_000):
        store.keep(str(number), "ä" * 100)
    assert store.bytes <= 10_000
    assert len(store) == 10_000 // (OVERHEAD + 400)


def test_what_is_too_long_displaces_nothing() -> None:
    store = TextStore(1_000)
    store.keep("a", "x")
    store.keep("b", "x" * 1_000)
    assert (store.get("a"), store.get("b")) == ("x", None)
