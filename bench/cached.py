"""Hits of the response cache beside a static route of the same bytes on the same web server."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.arena import Arena
from bench.duel import HEAD_BYTES, Duel, Plan, Progress, interleaved, median
from bench.processes import CHECKOUT, Server, free_port, running
from bench.questions import QUESTIONS
from commands.errors import CommandError

CONNECTIONS = 16
HIT_DATABASE_MS = 0.01
"""CPU time of the database a request beyond which an answer was no hit."""


def measure_cached(arena: Arena, plan: Plan, progress: Progress) -> dict[str, float]:
    """Raises CommandError where answers did not come from the cache."""
    plan = replace(plan, connections=CONNECTIONS)
    bodies = {key: question.our_bodies()[0] for key, question in QUESTIONS.items()}
    answers = {key: arena.caching.post(body).content for key, body in bodies.items()}
    found: dict[str, float] = {}
    with static_routes(answers) as static:
        for key, body in bodies.items():
            size = len(answers[key]) + HEAD_BYTES
            route = replace(static, url=f"{static.url}{key}")
            duel = interleaved(f"{key} cached", (arena.caching, [body], size), (route, [body], size), plan, progress)
            _require_hits(duel)
            found[f"cached_vs_static_{key}"] = duel.ratio()
            cpu = [f"{median(loads, lambda load: load.cpu_ms):.3f}" for loads in (duel.ours, duel.theirs)]
            progress(
                f"{key} cached: {duel.ratio():.2f} × a static route of {len(answers[key]):,} bytes; "
                f"CPU ms a request: {' and '.join(cpu)}"
            )
    return found | {"cached_vs_static": min(found.values())}


@contextmanager
def static_routes(answers: dict[str, bytes]) -> Iterator[Server]:
    """A server whose URL, with a name behind it, is the route of that answer."""
    with TemporaryDirectory(prefix="scoregraph-bench-") as folder:
        for name, answer in answers.items():
            (Path(folder) / name).write_bytes(answer)
        port = free_port()
        url = f"http://127.0.0.1:{port}/"
        command = (sys.executable, "-m", "bench.static", str(port), folder)
        with running("the static routes", command, {}, f"{url}{next(iter(answers))}", "-", CHECKOUT) as process:
            yield Server("static", url, "-", process)


def _require_hits(duel: Duel) -> None:
    if any(load.database_cpu_ms > HIT_DATABASE_MS for load in duel.ours):
        raise CommandError("The gateway asked the database: these were no hits of its response cache.")
