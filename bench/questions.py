"""The questions that the gateway and its peers answer, and what of the answers has to be equal.

A question is asked about many people or groups in turn, so that nobody answers from one hot row. Answers are compared as
plain nested lists in the order of the answer; numbers to nine digits.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bench.seed import GROUPS, PEOPLE
from schema.relay import global_id

Plain = Any


@dataclass(frozen=True)
class Question:
    """``ours`` and ``theirs`` are documents with the variable ``$id``; ``of_ours`` and ``of_theirs`` make answers comparable."""

    key: str
    title: str
    ours: str
    theirs: str
    of_ours: Callable[[Any], Plain]
    of_theirs: Callable[[Any], Plain]
    kind: str | None = None
    ids: Sequence[int] = (0,)

    def our_bodies(self) -> list[bytes]:
        return [self._body(self.ours, global_id(self.kind, key) if self.kind else None) for key in self.ids]

    def their_bodies(self) -> list[bytes]:
        return [self._body(self.theirs, str(key) if self.kind else None) for key in self.ids]

    @staticmethod
    def _body(query: str, key: str | None) -> bytes:
        return json.dumps({"query": query} | ({"variables": {"id": key}} if key else {})).encode()


def difference(ours: Plain, theirs: Plain, path: str = "") -> str | None:
    """Where two comparable answers differ first."""
    if isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            return f"{path}: {len(ours)} and {len(theirs)} rows"
        found = (difference(a, b, f"{path}[{i}]") for i, (a, b) in enumerate(zip(ours, theirs, strict=True)))
        return next((said for said in found if said), None)
    if isinstance(ours, int | float) and isinstance(theirs, int | float):
        same = math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-12)
    else:
        same = ours == theirs
    return None if same else f"{path}: {ours!r} and {theirs!r}"


def leaves(answer: Any) -> int:
    """How many values an answer holds."""
    if isinstance(answer, dict):
        return sum(leaves(value) for value in answer.values())
    if isinstance(answer, list):
        return sum(leaves(value) for value in answer)
    return 1


CARD = "displayName performance { score tasksCompleted avgCompletionTimeSeconds experienceLevel metrics { %s } }"
FLAT_CARD = "displayName score tasksCompleted avgCompletionTimeSeconds experienceLevel"


def _card(user: Any, *metrics: str) -> list[Plain]:
    performance = user["performance"]
    return [
        user["displayName"],
        *(performance[name] for name in ("score", "tasksCompleted", "avgCompletionTimeSeconds", "experienceLevel")),
        *(performance["metrics"][name] for name in metrics),
    ]


def _flat_card(user: Any, *metrics: str) -> list[Plain]:
    names = ("displayName", "score", "tasksCompleted", "avgCompletionTimeSeconds", "experienceLevel", *metrics)
    return [user[name] for name in names]


ALL_METRICS = ("onTimeRatio", "skillAccuracy", "difficultyFactor")

LEARNER = Question(
    "q1",
    "a learner's card with 30 trend points",
    f"""query Card($id: ID!) {{ user(by: {{id: $id}}) {{
  {CARD % " ".join(ALL_METRICS)} rank {{ rank }}
  performanceTrend(period: {{lastDays: 30}}, fill: CARRY_FORWARD) {{ points {{ bucket {{ date }} performanceScore }} }} }} }}""",
    f"""query Card($id: BigInt!) {{ userByRowId(rowId: $id) {{
  {FLAT_CARD} {" ".join(ALL_METRICS)} rank
  trendPointsList(orderBy: [DAY_ASC]) {{ day performanceScore }} }} }}""",
    lambda data: [
        *_card(data["user"], *ALL_METRICS),
        data["user"]["rank"]["rank"],
        [[p["bucket"]["date"], p["performanceScore"]] for p in data["user"]["performanceTrend"]["points"]],
    ],
    lambda data: [
        *_flat_card(data["userByRowId"], *ALL_METRICS),
        data["userByRowId"]["rank"],
        [[p["day"], p["performanceScore"]] for p in data["userByRowId"]["trendPointsList"]],
    ],
    "User",
    random.Random(1).sample(range(1, PEOPLE + 1), 200),
)

TOPICS = "topicStats { topic { title } score measures { tasksCompleted successRate } }"
TWO_METRICS = ("onTimeRatio", "skillAccuracy")

GROUP_PAGE = Question(
    "q2",
    "a group page: its members × card × topics",
    f"""query GroupPage($id: ID!) {{ group(id: $id) {{ name members(first: 50) {{ nodes {{
  {CARD % " ".join(TWO_METRICS)} {TOPICS} }} }} }} }}""",
    f"""query GroupPage($id: BigInt!) {{ groupByRowId(rowId: $id) {{
  name membersList(first: 50, orderBy: [DISPLAY_NAME_ASC, ROW_ID_ASC]) {{
  {FLAT_CARD} {" ".join(TWO_METRICS)}
  topicStatsList(orderBy: [TITLE_ASC]) {{ title score tasksCompleted successRate }} }} }} }}""",
    lambda data: [
        data["group"]["name"],
        [
            [
                *_card(user, *TWO_METRICS),
                [
                    [
                        t["topic"]["title"],
                        t["score"],
                        float(t["measures"]["tasksCompleted"]),
                        t["measures"]["successRate"],
                    ]
                    for t in user["topicStats"]
                ],
            ]
            for user in data["group"]["members"]["nodes"]
        ],
    ],
    lambda data: [
        data["groupByRowId"]["name"],
        [
            [
                *_flat_card(user, *TWO_METRICS),
                [[t["title"], t["score"], t["tasksCompleted"], t["successRate"]] for t in user["topicStatsList"]],
            ]
            for user in data["groupByRowId"]["membersList"]
        ],
    ],
    "Group",
    random.Random(2).sample(range(1, GROUPS + 1), 60),
)

TOP = Question(
    "q3",
    "the top 100 with name, group, score",
    """query Top { leaderboard { top(first: 100) { rank
  user { displayName memberships(first: 1) { nodes { group { name } } } } score } } }""",
    """query Top { topList(places: 100) { rank
  displayName membershipsList(first: 1, orderBy: [VALID_FROM_ASC, ROW_ID_ASC]) { group { name } } score } }""",
    lambda data: [
        [
            row["rank"],
            row["user"]["displayName"],
            [m["group"]["name"] for m in row["user"]["memberships"]["nodes"]],
            row["score"],
        ]
        for row in data["leaderboard"]["top"]
    ],
    lambda data: [
        [row["rank"], row["displayName"], [m["group"]["name"] for m in row["membershipsList"]], row["score"]]
        for row in data["topList"]
    ],
)

QUESTIONS = {question.key: question for question in (LEARNER, GROUP_PAGE, TOP)}
