"""Two servers side by side: the same question, the same answers, load in turns."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bench.load import Load, load
from bench.processes import Server
from bench.questions import Question, difference
from commands.errors import CommandError

Progress = Callable[[str], None]
Side = tuple[Server, Sequence[bytes], float]
"""Whom to ask, what, and the mean bytes of right answers, heads included."""
HEAD_BYTES = 250
"""About what the head of an answer adds to its body."""


@dataclass(frozen=True)
class Plan:
    """``seconds`` is the length of a round for each server; one more round warms up."""

    rounds: int
    seconds: int
    connections: int


@dataclass(frozen=True)
class Duel:
    """Interleaved rounds; the one that warms up is not among them."""

    ours: Sequence[Load]
    theirs: Sequence[Load]

    def ratios(self, of: Callable[[Load], float] = lambda load: load.per_second) -> list[float]:
        """Ours / theirs, round by round."""
        return [of(a) / of(b) for a, b in zip(self.ours, self.theirs, strict=True)]

    def ratio(self, of: Callable[[Load], float] = lambda load: load.per_second) -> float:
        return statistics.median(self.ratios(of))


def median(loads: Sequence[Load], of: Callable[[Load], float]) -> float:
    return statistics.median(of(found) for found in loads)


def require_same_answers(question: Question, ours: Server, theirs: Server) -> tuple[float, float]:
    """Asks both everything that will be asked; gives the mean bytes of an answer of each. Raises CommandError."""
    sizes = []
    for our_body, their_body in zip(question.our_bodies(), question.their_bodies(), strict=True):
        (our_data, our_bytes), (their_data, their_bytes) = ours.ask(our_body), theirs.ask(their_body)
        found = difference(question.of_ours(our_data), question.of_theirs(their_data))
        if found:
            raise CommandError(f"{ours.name} and {theirs.name} answer {question.key} differently at {found}.")
        sizes.append((our_bytes, their_bytes))
    our_mean, their_mean = (statistics.fmean(column) + HEAD_BYTES for column in zip(*sizes, strict=True))
    return our_mean, their_mean


def require_answers(server: Server, bodies: Sequence[bytes]) -> float:
    """Asks for everything once; gives the mean bytes of an answer. Raises CommandError where one has errors."""
    return statistics.fmean(server.ask(body)[1] for body in bodies) + HEAD_BYTES


def duel(question: Question, ours: Server, theirs: Server, plan: Plan, progress: Progress) -> Duel:
    """Raises CommandError where answers differ, LoadFailed where they fail under load."""
    our_bytes, their_bytes = require_same_answers(question, ours, theirs)
    return interleaved(
        question.key,
        (ours, question.our_bodies(), our_bytes),
        (theirs, question.their_bodies(), their_bytes),
        plan,
        progress,
    )


def interleaved(name: str, ours: Side, theirs: Side, plan: Plan, progress: Progress) -> Duel:
    """Raises LoadFailed."""
    found: list[tuple[Load, Load]] = []
    for number in range(plan.rounds + 1):
        a, b = (load(server, bodies, plan.connections, plan.seconds, size) for server, bodies, size in (ours, theirs))
        found.append((a, b))
        what = f"round {number}" if number else "warm-up"
        progress(f"{name} {what}: {a.per_second:,.0f} and {b.per_second:,.0f} requests/s")
    return Duel(*zip(*found[1:], strict=True))
