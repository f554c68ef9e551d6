"""Whether two answers to an operation are the same, as a client would see them."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from graphql import ExecutionResult, GraphQLError


def assert_same(compiled: ExecutionResult, stock: ExecutionResult) -> None:
    """The same data with keys in the same order, and the same errors in any order: that of the standard executor is the one
    in which its tasks happened to fail.
    """
    assert written(compiled.data) == written(stock.data)
    assert errors_of(compiled) == errors_of(stock)


def written(data: Any) -> str:
    """The answer to the letter, with the keys as they come."""
    return json.dumps(data, indent=1, ensure_ascii=False, default=repr)


def errors_of(result: ExecutionResult) -> Counter[str]:
    return Counter(map(told, result.errors or ()))


def told(error: GraphQLError) -> str:
    """What an error says: path, message, places in the document, and what comes with it. The id of one that is masked is new
    each time.
    """
    formatted: dict[str, Any] = dict(error.formatted)
    extensions = {name: value for name, value in formatted.pop("extensions", {}).items() if name != "errorId"}
    return json.dumps([formatted, extensions], sort_keys=True, default=repr)
