"""What the gateway must reach, measured one after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from bench.abuse import measure_abuse
from bench.arena import Arena
from bench.cached import measure_cached
from bench.databases import Databases
from bench.duel import Duel, Plan, Progress, duel, median
from bench.fanout import measure_fanout
from bench.growth import measure_history, measure_members
from bench.measure import connect
from bench.questions import GROUP_PAGE, QUESTIONS
from bench.rollups import change, settle

TAIL_CONNECTIONS = 32
PENDING = 1_000

Measurement = Callable[[Arena, Plan, Progress], dict[str, float]]


def _question(key: str) -> Measurement:
    def measure(arena: Arena, plan: Plan, progress: Progress) -> dict[str, float]:
        found = duel(QUESTIONS[key], arena.ours, arena.theirs, plan, progress)
        ratios = found.ratios()
        figures = {f"{key}_vs_postgraphile": found.ratio()}
        for name, loads in (("", found.ours), ("_postgraphile", found.theirs)):
            figures |= {
                f"{key}{name}_per_s": median(loads, lambda load: load.per_second),
                f"{key}{name}_cpu_ms": median(loads, lambda load: load.cpu_ms),
                f"{key}{name}_database_cpu_ms": median(loads, lambda load: load.database_cpu_ms),
            }
        progress(f"{key}: {found.ratio():.2f} × PostGraphile [{min(ratios):.2f} to {max(ratios):.2f}]; {_cpu(found)}")
        return figures

    return measure


def _tail(arena: Arena, plan: Plan, progress: Progress) -> dict[str, float]:
    found = duel(GROUP_PAGE, arena.ours, arena.theirs, replace(plan, connections=TAIL_CONNECTIONS), progress)
    ratio = found.ratio(lambda load: load.p99_ms)
    our_p99, their_p99 = (median(loads, lambda load: load.p99_ms) for loads in (found.ours, found.theirs))
    progress(f"q2, p99 with {TAIL_CONNECTIONS} connections: {our_p99:,.0f} and {their_p99:,.0f} ms, {ratio:.2f} ×")
    return {"q2_p99_vs_postgraphile": ratio, "q2_p99_ms": our_p99, "q2_postgraphile_p99_ms": their_p99}


def _pending(arena: Arena, plan: Plan, progress: Progress) -> dict[str, float]:
    """The group page while changes of other people, and of some of the group, wait to be folded."""
    large, _ = arena.own_databases
    with connect(large) as connection:
        change(connection, PENDING)
        try:
            found = duel(GROUP_PAGE, arena.ours, arena.theirs, plan, progress)
        finally:
            settle(connection)
    progress(f"q2 with {PENDING:,} changes pending: {found.ratio():.2f} × PostGraphile; {_cpu(found)}")
    return {"q2_pending_vs_postgraphile": found.ratio()}


def _cpu(found: Duel) -> str:
    said = []
    for name, loads in (("ours", found.ours), ("theirs", found.theirs)):
        server, database = median(loads, lambda load: load.cpu_ms), median(loads, lambda load: load.database_cpu_ms)
        said.append(f"{name} {server:.2f} + {database:.2f}")
    ratio = 1 / found.ratio(lambda load: load.cpu_ms + load.database_cpu_ms)
    return f"CPU ms a request, server + database: {', '.join(said)}, {ratio:.2f} ×"


MEASUREMENTS: dict[str, Measurement] = {
    **{key: _question(key) for key in QUESTIONS},
    "tail": _tail,
    "pending": _pending,
    "cached": measure_cached,
    "fanout": measure_fanout,
    "abuse": measure_abuse,
    "members": measure_members,
    "history": measure_history,
}


def measure_gateway(databases: Databases, names: Sequence[str], plan: Plan, progress: Progress) -> dict[str, float]:
    """Raises CommandError where answers are wrong or fail: then nothing is measured."""
    found: dict[str, float] = {}
    with Arena(databases) as arena:
        for name in names:
            found |= MEASUREMENTS[name](arena, plan, progress)
    return found
