"""Documents made to be slow, refused one after the other while honest people are served."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from bench.arena import Arena
from bench.duel import Plan, Progress, require_answers
from bench.load import load
from bench.processes import Server
from bench.questions import GROUP_PAGE, LEARNER
from commands.errors import CommandError

HONEST_CONNECTIONS = 4
TRIES = 5


def _fragments(count: int, inside: Callable[[int], str], last: str = "__typename") -> str:
    chain = "".join(f"fragment f{n} on Query {{ {inside(n)} }} " for n in range(count))
    return f"{{ ...f0 }} {chain}fragment f{count} on Query {{ {last} }}"


def _nested(levels: int, inside: str = "a") -> str:
    return "{ " + "a { " * (levels - 1) + inside + " }" * levels


HOSTILE: dict[str, str] = {
    "fragments that double": _fragments(14, lambda n: f"...f{n + 1} a: viewer {{ role }} ...f{n + 1}"),
    "fragments that double in place": _fragments(160, lambda n: f"...f{n + 1} ...f{n + 1}"),
    "fragments that all spread all": _fragments(28, lambda n: " ".join(f"...f{m}" for m in range(28))),
    "a fragment that spreads itself": "{ ...f } fragment f on Query { viewer { role } ...f }",
    "a chain of fragments": _fragments(240, lambda n: f"...f{n + 1}"),
    "aliases of a costly field": "{ "
    + " ".join(f"a{n}: leaderboard {{ top(first: 200) {{ rank }} }}" for n in range(200))
    + " }",
    "2,000 aliases": "{ " + " ".join(f"a{n}: __typename" for n in range(2_000)) + " }",
    "fields that overlap": "{ viewer { " + "user { id } " * 490 + "} }",
    "fields that overlap at two levels": "{ viewer { " + ("user { " + "id " * 40 + "} ") * 40 + "} }",
    "arguments that conflict": "{ " + " ".join(f"users(first: {n}) {{ nodes {{ id }} }}" for n in range(1, 190)) + " }",
    "directives": "{ viewer { role" + " @include(if: true)" * 300 + " } }",
    "unknown directives": "{ viewer { role" + " @x" * 1_900 + " } }",
    "16 levels": _nested(16),
    "5,000 levels": "{ a " * 5_000 + "}" * 5_000,
    "5,000 levels in a value": "{ a(b: " + "[" * 5_000 + "]" * 5_000 + ") }",
    "braces": "{" * 250_000,
    "commas": "{ a" + "," * 250_000 + " }",
    "a long name": "{ " + "a" * 250_000 + " }",
    "unknown fields": "{ " + " ".join(f"leaderbord{n}" for n in range(900)) + " }",
    "wide introspection": "{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }",
    "a page of pages of pages": "{ groups(first: 200) { nodes { members(first: 200) { nodes { attempts(first: 200) { nodes { id } } } } } } }",
    "unknown variables": "query (" + " ".join(f"$v{n}: Int" for n in range(450)) + ") { viewer { role } }",
}


def requests() -> dict[str, bytes]:
    bodies = {name: json.dumps({"query": document}).encode() for name, document in HOSTILE.items()}
    query = "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }"
    bodies["a long list in variables"] = json.dumps({"query": query, "variables": {"ids": ["x"] * 40_000}}).encode()
    bodies["a deep value in variables"] = (
        b'{"query": "query ($v: Int) { viewer { role } }", "variables": {"v": %s}}' % (b"[" * 50_000 + b"]" * 50_000)
    )
    bodies["a body of a megabyte"] = json.dumps({"query": "{ viewer { role } }" + " " * 1_100_000}).encode()
    return bodies


def measure_abuse(arena: Arena, plan: Plan, progress: Progress) -> dict[str, float]:
    """The slowest refusal (median of tries of each document) and the p99 of the honest meanwhile, in ms.

    Raises CommandError where a document is answered instead of refused.
    """
    honest = [*LEARNER.our_bodies()[:20], *GROUP_PAGE.our_bodies()[:20]]
    size = require_answers(arena.ours, honest)
    plan = replace(plan, connections=HONEST_CONNECTIONS)
    tries: dict[str, list[float]] = {name: [] for name in requests()}
    p99s = []
    with ThreadPoolExecutor(1) as other:
        for number in range(plan.rounds + 1):
            meanwhile = other.submit(load, arena.ours, honest, HONEST_CONNECTIONS, max(plan.seconds, 3), size)
            while not meanwhile.done():
                for name, body in requests().items():
                    tries[name].append(_refused_ms(arena.ours, name, body))
            p99s.append(meanwhile.result().p99_ms)
            progress(f"abuse round {number}: honest p99 {p99s[-1]:.0f} ms")
    medians = {name: statistics.median(times) for name, times in tries.items()}
    worst = max(medians, key=medians.__getitem__)
    progress(f"slowest of {len(medians)} refusals: {worst}, {medians[worst]:.0f} ms")
    return {"abuse_worst_ms": medians[worst], "abuse_honest_p99_ms": statistics.median(p99s[1:])}


def _refused_ms(server: Server, name: str, body: bytes) -> float:
    started = time.perf_counter()
    response = server.post(body)
    taken = (time.perf_counter() - started) * 1e3
    answer = response.json()
    if response.status_code >= 500 or not answer.get("errors") or answer.get("data"):
        raise CommandError(f"{server.name} does not refuse {name}: {response.status_code} {response.text[:300]}")
    return taken
