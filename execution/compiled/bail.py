"""What the compiled executor leaves to graphql-core."""

from __future__ import annotations


class Bail(Exception):
    """Raised where something is unusual: graphql-core then executes the operation again, over the same snapshot, so that
    errors, null propagation and coercion are the specification's. ``reason`` is one of few words, for the metric.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
