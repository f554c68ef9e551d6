"""The README's table of limits is what the code holds to."""

from __future__ import annotations

import re

from execution.body_limit import MAX_BYTES
from execution.budgets import MOST_NODES
from execution.error_limit import MOST_ERRORS
from execution.limits import LIMITS
from resolvers.periods import MOST_BUCKETS
from schema.relay import LARGEST_PAGE
from tests.test_readme import README

TOLD = {
    "Body of a request": MAX_BYTES // 1024,
    "Tokens of a document": LIMITS.tokens,
    "Depth": LIMITS.depth,
    "Depth under `__schema` and `__type`": LIMITS.introspection_depth,
    "Aliases": LIMITS.aliases,
    "Fields at the root": LIMITS.root_fields,
    "Directives": LIMITS.directives,
    "The same place of the answer, asked for again": LIMITS.repeats,
    "Values of a list in an argument or variable": LIMITS.list_items,
    "Rows of a page (`first`, `last`)": LARGEST_PAGE,
    "Points of a series": MOST_BUCKETS,
    "Objects that an answer can have": MOST_NODES,
    "Errors that an answer tells": MOST_ERRORS,
}


def test_each_number_is_the_one_that_holds() -> None:
    rows = re.findall(r"^\| ([^|]+) \| ([0-9,]+)(?: KiB)? \|", README, re.MULTILINE)
    assert {what: int(number.replace(",", "")) for what, number in rows} == TOLD
