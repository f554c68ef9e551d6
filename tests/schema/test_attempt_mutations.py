"""Recording, changing, deleting and restoring attempts."""

from tests.asking import Asker

ROOT = {"person": "root", "role": "ADMIN"}

RECORD = """
mutation ($input: RecordAttemptInput!) {
  recordAttempt(input: $input) {
    replayed parked
    attempt { id status success score isCounted dueAt difficulty revision assignmentId completionTimeSeconds sourceId errors { code count } }
    performance { score tasksCompleted }
    userErrors { __typename message path code ... on ValidationError { rule } ... on IdempotencyMismatchError { firstDifference } ... on ForbiddenError { permission } ... on ConflictError { currentRevision } }
  }
}
"""


async def test_a_recorded_attempt_is_in_the_score_of_the_same_answer(fresh_ask: Asker) -> None:
    attempt = {"userExternalId": "gus", "labType": "l1", "success": True, "startedAt": "2026-03-02T09:00:00Z",
               "completedAt": "2026-03-02T09:10:00Z", "skillMatch": 0.5, "score": 70.5, "errors": ["E_B", "E_A", "E_B"]}
    answer = await fresh_ask(RECORD, {"input": {"attempt": attempt}}, **ROOT)
    assert answer.errors == []
    payload = answer.data["recordAttempt"]
    assert payload["userErrors"] == []
    assert payload["attempt"]["status"] == "SUCCEEDED"
    assert payload["attempt"]["isCounted"] is True
    assert payload["attempt"]["difficulty"] == 5
    assert payload["attempt"]["completionTimeSeconds"] == 600
    assert payload["attempt"]["errors"] == [{"code": "E_B", "count": 2}, {"code": "E_A", "count": 1}]
    # No deadline: skill 0.5 and difficulty 0.5 with weights 0.3 and 0.2 scaled up to 1.
    assert payload["performance"] == {"score": 50.0, "tasksCompleted": 1}
