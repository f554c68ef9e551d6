"""How the time of a group page grows: with its members, and with the history that its figures come from."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import replace

from bench.arena import Arena
from bench.duel import HEAD_BYTES, Plan, Progress, interleaved, median, require_answers
from bench.load import load
from bench.processes import Server
from bench.questions import CARD, GROUP_PAGE, TOPICS, TWO_METRICS
from bench.seed import GROUPS, SIZED_GROUPS
from schema.relay import global_id

PAGE = 200
"""The gateway's largest: bigger groups are read page by page."""

PAGED = f"""query GroupPage($id: ID!, $after: String) {{ group(id: $id) {{ name members(first: {PAGE}, after: $after) {{
  pageInfo {{ endCursor hasNextPage }} nodes {{ {CARD % " ".join(TWO_METRICS)} {TOPICS} }} }} }} }}"""


def measure_members(arena: Arena, plan: Plan, progress: Progress) -> dict[str, float]:
    """Mean ms of the whole group, asked for by one client; median of rounds."""
    plan, found = replace(plan, connections=1), {}
    for place, members in enumerate(SIZED_GROUPS, start=1):
        bodies, size = _pages(arena.ours, GROUPS + place, members)
        rounds = [load(arena.ours, bodies, 1, plan.seconds, size) for _ in range(plan.rounds + 1)]
        found[f"q2_members_{members}_ms"] = len(bodies) * statistics.median(one.mean_ms for one in rounds[1:])
        progress(f"group page of {members} members: {found[f'q2_members_{members}_ms']:.1f} ms")
    return found


def measure_history(arena: Arena, plan: Plan, progress: Progress) -> dict[str, float]:
    """The large database against the small one: the same people and topics, a tenth of the attempts."""
    plan = replace(plan, connections=1)
    bodies = GROUP_PAGE.our_bodies()
    large_side, small_side = ((server, bodies, require_answers(server, bodies)) for server in (arena.ours, arena.small))
    found = interleaved("q2 over the large and the small history", large_side, small_side, plan, progress)
    ratio = found.ratio(lambda load: load.mean_ms)
    large, small = (median(loads, lambda load: load.mean_ms) for loads in (found.ours, found.theirs))
    progress(f"q2 over the large history: {large:.1f} ms, over the small one: {small:.1f} ms, {ratio:.2f} ×")
    return {"q2_history_ratio": ratio, "q2_history_large_ms": large, "q2_history_small_ms": small}


def _pages(server: Server, group: int, members: int) -> tuple[Sequence[bytes], float]:
    """What to ask for all members of a group, and the mean size of an answer."""
    bodies, sizes, after, count = [], [], None, 0
    while True:
        body = json.dumps({"query": PAGED, "variables": {"id": global_id("Group", group), "after": after}}).encode()
        data, size = server.ask(body)
        page = data["group"]["members"]
        bodies.append(body)
        sizes.append(size)
        count += len(page["nodes"])
        if not page["pageInfo"]["hasNextPage"]:
            assert count == members, f"the group has {count} members, not {members}"
            return bodies, statistics.fmean(sizes) + HEAD_BYTES
        after = page["pageInfo"]["endCursor"]
