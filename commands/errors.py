"""That a command cannot do what it was asked to."""

from __future__ import annotations

FAILED = 1
USAGE = 2
"""Exit codes."""


class CommandError(Exception):
    """A command cannot do what it was asked to. The message is one clear sentence and holds no secret."""

    def __init__(self, sentence: str, *, exit_code: int = FAILED) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
