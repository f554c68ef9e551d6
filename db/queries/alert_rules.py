"""Alert rules: those that a viewer sees and writes, and those that workers write down when they start."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from db.delivery_targets import DeliveryChannel
from db.problems import NOT_STORABLE, is_storable
from db.snapshot import Snapshot
from db.statement import sql

PLATFORM = 0
"""No id of an organization."""

MOST_RULES = 100
"""Of one organization."""

DEFAULT_FOR_SECONDS = 300
LONGEST_FOR_SECONDS = 604_800
LONGEST_NAME = 100
LONGEST_SUMMARY = 500


class AlertSeverity(StrEnum):
    """How bad it is; in the order of the members."""

    INFO = "INFO"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"

    @property
    def and_worse(self) -> list[AlertSeverity]:
        severities = list(AlertSeverity)
        return severities[severities.index(self) :]


class AlertOrigin(StrEnum):
    """Where a rule is from."""

    DEFAULT = "DEFAULT"
    FILE = "FILE"
    SAVED = "SAVED"


class AlertRuleRow(NamedTuple):
    """``organization_id`` None: the platform's. ``current_value`` is as of ``judged_at``; None where it is not known."""

    id: int
    organization_id: int | None
    origin: str
    name: str
    condition: str
    summary: str | None
    severity: str
    for_seconds: int
    channels: Sequence[str]
    is_enabled: bool
    current_value: float | None
    judged_at: datetime | None


@dataclass(frozen=True, slots=True)
class AlertRule:
    """A rule as somebody wrote it."""

    name: str
    condition: str
    severity: AlertSeverity
    for_seconds: int
    channels: tuple[DeliveryChannel, ...] = ()
    summary: str | None = None
    is_enabled: bool = True


def text_complaint(text: str, longest: int) -> str | None:
    """What keeps a text from being the name or summary of a rule: they are told in lines, and as labels."""
    if not 1 <= len(text.strip()) <= longest:
        return f"The text has 1 to {longest} characters."
    if not is_storable(text):
        return NOT_STORABLE
    return None if text.isprintable() else "The text is one line of characters that can be seen."


# One that is gone is as good as disabled.
COLUMNS = ", ".join(AlertRuleRow._fields).replace("is_enabled", "is_enabled AND removed_at IS NULL AS is_enabled")
_WRITTEN = ("name", "condition", "summary", "severity", "for_seconds", "channels", "is_enabled")
_SAID = ", ".join(f":{name}" for name in _WRITTEN)
_TAKEN = ", ".join(f"{name} = excluded.{name}" for name in _WRITTEN)

# The platform's first; those that are gone are known by id alone, for their alerts.
RULES = sql(f"SELECT {COLUMNS} FROM alert_rules WHERE removed_at IS NULL ORDER BY organization_id NULLS FIRST, name")
RULES_BY_ID = sql(f"SELECT {COLUMNS} FROM alert_rules WHERE id = ANY (:ids)")

LOCK_ORGANIZATION = text(
    "SELECT pg_advisory_xact_lock(hashtextextended('scoregraph.alert_rules ' || CAST(:organization_id AS text), 0))"
)
NAMED = text("SELECT id FROM alert_rules WHERE organization_id = :organization_id AND name = :name")
COUNT = text("SELECT count(*) FROM alert_rules WHERE organization_id = :organization_id")
INSERT = text(f"""
INSERT INTO alert_rules (organization_id, origin, {", ".join(_WRITTEN)}) VALUES (:organization_id, 'SAVED', {_SAID}) RETURNING id
""")
UPDATE = text(f"""
UPDATE alert_rules SET {", ".join(f"{name} = :{name}" for name in _WRITTEN)}
WHERE id = :id AND organization_id = :organization_id RETURNING id
""")

WRITE_DOWN = text(f"""
INSERT INTO alert_rules (origin, {", ".join(_WRITTEN)}) VALUES (:origin, {_SAID})
ON CONFLICT ON CONSTRAINT alert_rules_by_name DO UPDATE SET origin = excluded.origin, removed_at = NULL, {_TAKEN}
""")
REMOVE_OTHERS = text("""
UPDATE alert_rules SET removed_at = now()
WHERE origin = ANY (CAST(:origins AS text[])) AND removed_at IS NULL AND name <> ALL (CAST(:names AS text[]))
""")
PLATFORM_NAMES = text("SELECT name FROM alert_rules WHERE origin = 'FILE' AND removed_at IS NULL")


async def list_rules(snapshot: Snapshot) -> list[AlertRuleRow]:
    """Those that the viewer sees: the platform's, then the organization's, by name."""
    return [AlertRuleRow(*row) for row in await snapshot.rows(RULES)]


async def get_rules(snapshot: Snapshot, ids: Sequence[int]) -> list[AlertRuleRow]:
    """Also those that are gone."""
    return [AlertRuleRow(*row) for row in await snapshot.rows(RULES_BY_ID, ids=ids)]


async def lock_rules(connection: AsyncConnection, organization_id: int) -> None:
    """Until the end of the transaction: those of an organization (or PLATFORM) are written one after the other."""
    await connection.execute(LOCK_ORGANIZATION, {"organization_id": organization_id})


async def find_rule(connection: AsyncConnection, organization_id: int, name: str) -> int | None:
    """The organization's own rule of that name."""
    key: int | None = (
        await connection.execute(NAMED, {"organization_id": organization_id, "name": name})
    ).scalar_one_or_none()
    return key


async def count_rules(connection: AsyncConnection, organization_id: int) -> int:
    """How many are the organization's own."""
    return int((await connection.execute(COUNT, {"organization_id": organization_id})).scalar_one())


async def insert_rule(connection: AsyncConnection, organization_id: int, rule: AlertRule) -> int:
    values = {"organization_id": organization_id, **_values(rule)}
    return int((await connection.execute(INSERT, values)).scalar_one())


async def update_rule(connection: AsyncConnection, organization_id: int, key: int, rule: AlertRule) -> bool:
    """Whether there is such a rule of the organization's own."""
    values = {"id": key, "organization_id": organization_id, **_values(rule)}
    return (await connection.execute(UPDATE, values)).one_or_none() is not None


async def write_down_rules(
    connection: AsyncConnection, defaults: Collection[AlertRule], of_file: Collection[AlertRule] | None
) -> None:
    """Makes these the platform's rules, as the worker. A rule of the file takes the place of a default of the same name.
    ``of_file`` None: the file cannot be read, and its last good rules stay.
    """
    await lock_rules(connection, PLATFORM)
    if of_file is None:
        names = set((await connection.execute(PLATFORM_NAMES)).scalars())
        origins = [AlertOrigin.DEFAULT]
    else:
        names = {rule.name for rule in of_file}
        origins = [AlertOrigin.DEFAULT, AlertOrigin.FILE]
    written = [(AlertOrigin.FILE, rule) for rule in of_file or ()]
    written += [(AlertOrigin.DEFAULT, rule) for rule in defaults if rule.name not in names]
    for origin, rule in sorted(written, key=lambda each: each[1].name):
        await connection.execute(WRITE_DOWN, {"origin": origin.value, **_values(rule)})
    kept = [rule.name for _, rule in written]
    await connection.execute(REMOVE_OTHERS, {"origins": [origin.value for origin in origins], "names": kept})


def _values(rule: AlertRule) -> dict[str, object]:
    return {**asdict(rule), "channels": [channel.value for channel in rule.channels], "severity": rule.severity.value}
