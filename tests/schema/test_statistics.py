"""How scores are spread: statistics and distributions of groups and organizations."""

from statistics import fmean, median, pstdev

import pytest

from tests.asking import Asker

MIA = {"person": "mia", "role": "MANAGER"}
BEN = {"person": "ben", "role": "STUDENT"}

# ben: one of two tasks with deadline on time, skill 0.8, difficulty 0.65. cleo: both on time, skill 0.9, difficulty 0.75.
# dan: his one task late, skill 0.6, difficulty 0.5.
SCORES = {
    "ben": 100 * (0.5 * 1 / 2 + 0.3 * 0.8 + 0.2 * 0.65),
    "cleo": 100 * (0.5 * 1 + 0.3 * 0.9 + 0.2 * 0.75),
    "dan": 100 * (0.5 * 0 + 0.3 * 0.6 + 0.2 * 0.5),
}

SPREAD = """
  count unscored average median stdDeviation min max range lower: percentile(p: 0.25) other: percentile(p: 0.3)
  freshness { source refreshedAt }
"""
GROUP = f"query ($id: ID!, $c: Consistency!) {{ group(id: $id) {{ scoreStatistics(consistency: $c) {{ {SPREAD} }} }} }}"
ORGANIZATION = f"query ($c: Consistency!) {{ organization {{ scoreStatistics(consistency: $c) {{ {SPREAD} }} }} }}"


def expect(found: dict[str, object], scores: list[float], unscored: int) -> None:
    assert (found["count"], found["unscored"]) == (len(scores), unscored)
    assert found["average"] == pytest.approx(fmean(scores))
    assert found["median"] == pytest.approx(median(scores))
    assert found["stdDeviation"] == pytest.approx(pstdev(scores))
    assert (found["min"], found["max"]) == (pytest.approx(min(scores)), pytest.approx(max(scores)))
    assert found["range"] == pytest.approx(max(scores) - min(scores))
    assert found["lower"] == pytest.approx(interpolated(scores, 0.25))
    assert found["other"] == pytest.approx(interpolated(scores, 0.3))


def interpolated(values: list[float], p: float) -> float:
    ordered = sorted(values)
    place = p * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


@pytest.mark.parametrize(("consistency", "source"), [("CACHED", "MATERIALIZED"), ("LATEST", "LIVE")])
@pytest.mark.parametrize("who", [{}, MIA])
async def test_of_a_group(ask: Asker, consistency: str, source: str, who: dict[str, str]) -> None:
    answer = await ask(GROUP, {"id": ask.id("Group", "alg-1"), "c": consistency}, **who)
    assert answer.errors == []
    found = answer.data["group"]["scoreStatistics"]
    expect(found, [SCORES["ben"], SCORES["cleo"]], unscored=0)
    assert found["freshness"]["source"] == source
    assert (found["freshness"]["refreshedAt"] is None) == (source == "LIVE")


@pytest.mark.parametrize(("consistency", "source"), [("CACHED", "MATERIALIZED"), ("LATEST", "LIVE")])
async def test_of_an_organization(ask: Asker, consistency: str, source: str) -> None:
    answer = await ask(ORGANIZATION, {"c": consistency}, **MIA)
    assert answer.errors == []
    found = answer.data["organization"]["scoreStatistics"]
    # gus has no score; fay is deactivated; teachers without attempts are no learners.
    expect(found, list(SCORES.values()), unscored=1)
    assert found["freshness"]["source"] == source


async def test_a_teacher_sees_the_organization_as_their_people(ask: Asker) -> None:
    answer = await ask(ORGANIZATION, {"c": "CACHED"})
    found = answer.data["organization"]["scoreStatistics"]
    expect(found, [SCORES["ben"], SCORES["cleo"]], unscored=0)
    assert found["freshness"]["source"] == "LIVE"


@pytest.mark.parametrize("field", ["scoreStatistics { count }", "scoreDistribution { totalMembers }"])
async def test_a_student_may_not(ask: Asker, field: str) -> None:
    answer = await ask(f"{{ organization {{ name guarded: {field} }} }}", **BEN)
    assert answer.codes == ["FORBIDDEN"]
    assert answer.data == {"organization": {"name": "Northwind", "guarded": None}}


async def test_one_score_has_no_deviation(ask: Asker) -> None:
    answer = await ask(GROUP, {"id": ask.id("Group", "alg-2"), "c": "LATEST"}, person="tom")
    expect(answer.data["group"]["scoreStatistics"], [SCORES["dan"]], unscored=0)
    assert answer.data["group"]["scoreStatistics"]["stdDeviation"] == 0


@pytest.mark.parametrize("p", [-0.1, 1.1])
async def test_percentiles_that_cannot_be(ask: Asker, p: float) -> None:
    answer = await ask(f"{{ groups {{ nodes {{ scoreStatistics {{ count percentile(p: {p}) }} }} }} }}")
    assert answer.codes == ["VALIDATION"]
    assert answer.errors[0]["extensions"]["argument"] == "p"
    assert answer.data["groups"]["nodes"] == [{"scoreStatistics": {"count": 2, "percentile": None}}]


async def test_cached_numbers_wait_for_a_refresh_and_latest_ones_do_not(fresh_ask: Asker) -> None:
    with fresh_ask.database.connect(None) as connection:
        connection.execute("UPDATE users SET deactivated_at = now() WHERE id = %s", (fresh_ask.key("users", "ben"),))
    key = fresh_ask.id("Group", "alg-1")
    cached = (await fresh_ask(GROUP, {"id": key, "c": "CACHED"}, **MIA)).data["group"]["scoreStatistics"]
    latest = (await fresh_ask(GROUP, {"id": key, "c": "LATEST"}, **MIA)).data["group"]["scoreStatistics"]
    assert (cached["count"], latest["count"]) == (2, 1)
    assert (latest["average"], latest["stdDeviation"]) == (pytest.approx(SCORES["cleo"]), 0)


DISTRIBUTION = "totalMembers averageScore buckets { from to label count } scores freshness { source }"


async def test_the_distribution_of_a_group(ask: Asker) -> None:
    answer = await ask(f"{{ groups {{ nodes {{ scoreDistribution {{ {DISTRIBUTION} }} }} }} }}")
    assert answer.errors == []
    found = answer.data["groups"]["nodes"][0]["scoreDistribution"]
    assert [(bucket["label"], bucket["count"]) for bucket in found["buckets"]] == [
        ("0-20", 0), ("20-40", 0), ("40-60", 0), ("60-80", 1), ("80-100", 1)
    ]  # fmt: skip
    assert (found["buckets"][1]["from"], found["buckets"][1]["to"]) == (20, 40)
    assert found["scores"] == [92.0, 62.0]
    assert found["totalMembers"] == 2
    assert found["averageScore"] == pytest.approx((92 + 62) / 2)
    assert found["freshness"] == {"source": "LIVE"}


@pytest.mark.parametrize(
    ("arguments", "who", "source", "counts", "people"),
    [
        ("", MIA, "MATERIALIZED", [0, 1, 0, 1, 1], 4),
        ("(consistency: LATEST)", MIA, "LIVE", [0, 1, 0, 1, 1], 4),
        ("(boundaries: [0, 62, 92, 100])", MIA, "LIVE", [1, 1, 1], 4),
        ("(boundaries: [62, 92])", MIA, "LIVE", [2], 4),
        ("", {}, "LIVE", [0, 0, 0, 1, 1], 2),
    ],
)
async def test_the_distribution_of_an_organization(
    ask: Asker, arguments: str, who: dict[str, str], source: str, counts: list[int], people: int
) -> None:
    answer = await ask(f"{{ organization {{ scoreDistribution{arguments} {{ {DISTRIBUTION} }} }} }}", **who)
    assert answer.errors == []
    found = answer.data["organization"]["scoreDistribution"]
    assert [bucket["count"] for bucket in found["buckets"]] == counts
    assert (found["totalMembers"], found["scores"], found["freshness"]) == (people, None, {"source": source})
    seen = SCORES.values() if who else [SCORES["ben"], SCORES["cleo"]]
    assert found["averageScore"] == pytest.approx(fmean(seen))


async def test_scores_on_and_beside_a_boundary(fresh_ask: Asker) -> None:
    """19.999 is below 20 though it shows as 20.0; 20 opens the next bucket; 100 is in the last."""
    with fresh_ask.database.connect(None) as connection:
        # Without deadline or difficulty, the skill match alone is the score.
        connection.execute("UPDATE labs SET difficulty = NULL")
        for person, skill in (("gus", 0.19999), ("mia", 0.2), ("root", 1)):
            connection.execute(
                """INSERT INTO attempts (organization_id, user_id, lab_id, status, completed_at, skill_match)
                SELECT u.organization_id, u.id, l.id, 'SUCCEEDED', '2026-03-03Z', %s
                FROM users u JOIN labs l ON l.organization_id = u.organization_id AND l.type = 'l4' WHERE u.id = %s""",
                (skill, fresh_ask.key("users", person)),
            )
            connection.execute(
                """INSERT INTO group_memberships (organization_id, group_id, user_id, valid_from)
                SELECT organization_id, id, %s, '2026-01-01Z' FROM groups WHERE id = %s""",
                (fresh_ask.key("users", person), fresh_ask.key("groups", "alg-2")),
            )
        connection.execute("SET ROLE scoregraph_worker")
        connection.execute("SELECT fold_attempt_deltas()")
        connection.execute("SELECT refresh_view(name) FROM view_refreshes")
    answer = await fresh_ask(
        f"""query ($id: ID!) {{ group(id: $id) {{ scoreDistribution {{ {DISTRIBUTION} }} }} organization {{
        cached: scoreDistribution {{ {DISTRIBUTION} }} latest: scoreDistribution(consistency: LATEST) {{ {DISTRIBUTION} }} }} }}""",
        {"id": fresh_ask.id("Group", "alg-2")},
        **MIA,
    )
    assert answer.errors == []
    group = answer.data["group"]["scoreDistribution"]
    # dan has 28.
    assert [bucket["count"] for bucket in group["buckets"]] == [1, 2, 0, 0, 1]
    assert group["scores"] == [100.0, 28.0, 20.0, 20.0]
    cached, latest = answer.data["organization"]["cached"], answer.data["organization"]["latest"]
    assert (cached.pop("freshness"), latest.pop("freshness")) == ({"source": "MATERIALIZED"}, {"source": "LIVE"})
    assert cached.pop("averageScore") == pytest.approx(latest.pop("averageScore"))
    assert cached == latest
    assert [bucket["count"] for bucket in latest["buckets"]] == [1, 2, 0, 1, 2]


@pytest.mark.parametrize(
    "boundaries", [[], [0], [0, 0], [20, 10], [0, 1e400], list(range(52))], ids=lambda b: str(len(b))
)
async def test_boundaries_that_cannot_be(ask: Asker, boundaries: list[float]) -> None:
    document = "query ($b: [Float!]!) { organization { scoreDistribution(boundaries: $b) { totalMembers } } }"
    answer = await ask(document, {"b": boundaries})
    assert answer.codes in (["VALIDATION"], ["GRAPHQL_VALIDATION_FAILED"])
    assert not answer.data or answer.data == {"organization": {"scoreDistribution": None}}
    assert answer.statements == [] or all("score_distribution" not in statement for statement in answer.statements)
