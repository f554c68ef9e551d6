"""Parameters that cannot be meant are refused by name, and never repeated in the message."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from db.export_parameters import PARAMETERS, ExportKind
from workers.exports.kinds.errors import InvalidParameters

REFUSED: list[tuple[ExportKind, dict[str, Any], str]] = [
    (ExportKind.GROUP_REPORT, {}, "groupId"),
    (ExportKind.GROUP_REPORT, {"groupId": 0}, "groupId"),
    (ExportKind.GROUP_REPORT, {"groupId": 2**63}, "groupId"),
    (ExportKind.GROUP_REPORT, {"groupId": "1; DROP TABLE secrets"}, "groupId"),
    (ExportKind.GROUP_REPORT, {"groupId": 1, "topicIds": []}, "topicIds"),
    (ExportKind.GROUP_REPORT, {"groupId": 1, "topicIds": [1] * 201}, "topicIds"),
    (ExportKind.GROUP_REPORT, {"groupId": 1, "secret": True}, "secret"),
    (ExportKind.USER_PERFORMANCE, {"userId": None}, "userId"),
    (ExportKind.LAB_REPORT, {"labId": 1.5}, "labId"),
    (ExportKind.LEADERBOARD, {"scope": "ORGANIZATION", "metric": "LUCK"}, "metric"),
    (ExportKind.ATTEMPTS, {"timeZone": "europe/madrid"}, "timeZone"),
    (ExportKind.ATTEMPTS, {"timeZone": "../../etc/passwd"}, "timeZone"),
    (ExportKind.ATTEMPTS, {"timeZone": "Factory"}, "timeZone"),
    (ExportKind.ATTEMPTS, {"locale": "en\n"}, "locale"),
    (ExportKind.ATTEMPTS, {"locale": "#import"}, "locale"),
    (ExportKind.ATTEMPTS, {"period": {"from": "2026-01-01T00:00:00", "to": "2026-01-02T00:00:00Z"}}, "period.from"),
    (ExportKind.ATTEMPTS, {"period": {"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:00:00Z"}}, "period"),
    (ExportKind.ATTEMPTS, {"period": {"from": "1969-12-31T00:00:00Z", "to": "2026-01-01T00:00:00Z"}}, "period.from"),
    (ExportKind.ATTEMPTS, {"period": {"from": "2026-01-01T00:00:00Z", "to": "infinity"}}, "period.to"),
    (ExportKind.ATTEMPTS, {"period": {"from": "2026-01-01T00:00:00Z"}}, "period.to"),
]


@pytest.mark.parametrize(("kind", "asked", "named"), REFUSED)
def test_is_refused_by_name(kind: ExportKind, asked: dict[str, Any], named: str) -> None:
    with pytest.raises(ValidationError) as found:
        PARAMETERS[kind].model_validate(asked)
    refused = InvalidParameters.of(found.value)
    assert refused.code == "VALIDATION"
    assert str(refused).startswith(f"{named}: ")
    assert "DROP" not in str(refused)
    assert "passwd" not in str(refused)


@pytest.mark.parametrize("kind", ExportKind)
def test_comes_back_from_json_as_it_went(kind: ExportKind) -> None:
    asked = {
        "groupId": 1, "userId": 2, "labId": 3, "scope": "LAB", "documentId": "members", "variables": {"id": "R3Jv"}, "scopeId": 9_007_199_254_740_993, "topicIds": [4, 5],
        "timeZone": "Asia/Kathmandu", "period": {"from": "2026-01-01T00:00:00.000001+05:45", "to": "2026-01-02T00:00:00Z"},
    }  # fmt: skip
    model = PARAMETERS[kind]
    names = {field.alias for field in model.model_fields.values()}
    parameters = model.model_validate({name: value for name, value in asked.items() if name in names})
    assert model.model_validate_json(parameters.model_dump_json(by_alias=True)) == parameters
