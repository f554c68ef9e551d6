"""Records attempts in the caller's transaction, many at once: whoever brings them (the graph, events, imports, parked ones).

A constant number of statements, however many attempts: names are resolved, source ids and people are locked, what is known
already is answered instead of written, deadlines are looked up, and the rest is one INSERT.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from db.attempt_drafts import AttemptDraft
from db.attempt_sameness import difference_from_original, draft_as_json
from db.difference import first_difference
from db.queries.attempt_writes import (
    ApplicableAssignment,
    AssignmentQuestion,
    KnownLab,
    Original,
    Person,
    get_assignments,
    get_known_labs,
    get_originals,
    get_people,
    insert_attempts,
    lock_people,
    lock_sources,
    revise_attempts,
)
from db.queries.parked_attempts import ParkedAttempt, delete_parked, get_parked_by_source, park_attempts


@dataclass(frozen=True, slots=True)
class Recorded:
    """``replayed``: it was there already, with the same content."""

    attempt_id: int
    user_id: int
    lab_id: int
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Parked:
    """It waits for its person or lab."""

    replayed: bool = False


@dataclass(frozen=True, slots=True)
class NotKnown:
    """``what``: user, lab or assignment."""

    what: str


@dataclass(frozen=True, slots=True)
class OtherLab:
    """The assignment that was named is for another lab."""


@dataclass(frozen=True, slots=True)
class OtherPerson:
    """The source id stands for another person's attempt."""


@dataclass(frozen=True, slots=True)
class OtherContent:
    """The source id stands for an attempt with other content; ``difference`` is the path, in snake case, to the first one."""

    difference: tuple[str, ...]


OTHER_LAB = OtherContent(("lab_type",))
Outcome = Recorded | Parked | NotKnown | OtherLab | OtherPerson | OtherContent
SourceKey = tuple[str, str]


@dataclass(slots=True)
class _Batch:
    """What is known about the drafts of one call while it is under way."""

    connection: AsyncConnection
    organization_id: int
    drafts: Sequence[AttemptDraft]
    revise: bool = False
    # By id and by name.
    people: dict[int | str | None, Person] = field(default_factory=dict)
    labs: dict[int | str | None, KnownLab] = field(default_factory=dict)
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    # Later drafts of this call with the source id of an earlier one: position → position of that one.
    repeats: dict[int, int] = field(default_factory=dict)
    # What is there already and is to say what the draft says: position → the attempt's id.
    revised: dict[int, int] = field(default_factory=dict)

    def person(self, draft: AttemptDraft) -> Person | None:
        return self.people.get(draft.user_external_id if draft.user_id is None else draft.user_id)

    def lab(self, draft: AttemptDraft) -> KnownLab | None:
        return self.labs.get(draft.lab_type if draft.lab_id is None else draft.lab_id)

    def open(self) -> list[tuple[int, AttemptDraft]]:
        """The drafts that nothing is decided about yet."""
        return [
            (position, draft)
            for position, draft in enumerate(self.drafts)
            if position not in self.outcomes and position not in self.repeats
        ]


async def record_drafts(
    connection: AsyncConnection,
    organization_id: int,
    drafts: Sequence[AttemptDraft],
    *,
    park_unknown: bool = False,
    held: Mapping[int, str] | None = None,
    revise: bool = False,
) -> list[Outcome]:
    """What became of each draft, in their order. Drafts have passed ``settle``.

    ``park_unknown``: attempts of unknown people or labs wait in ``parked_attempts``, and so do those ``held`` back by
    their position (with the reason). ``revise``: an attempt whose source id is known, be it recorded or parked, is made to
    say what the draft says, as a new revision; each source id comes once. Runs under READ COMMITTED in a transaction of
    the caller's.
    """
    batch = _Batch(connection, organization_id, drafts, revise)
    await _answer_known_sources(batch)
    if revise:
        await _take_back_parked(batch)
    await _resolve_names(batch)
    if park_unknown or held:
        await _park(batch, held or {}, park_unknown)
    for position, draft in batch.open():
        if batch.person(draft) is None:
            batch.outcomes[position] = NotKnown("user")
        elif batch.lab(draft) is None:
            batch.outcomes[position] = NotKnown("lab")
    await _insert(batch)
    _answer_repeats(batch)
    return [batch.outcomes[position] for position in range(len(drafts))]


async def _answer_known_sources(batch: _Batch) -> None:
    positions: dict[SourceKey, int] = {}
    for position, draft in enumerate(batch.drafts):
        if draft.source_id is not None:
            first = positions.setdefault((draft.source, draft.source_id), position)
            if first != position:
                batch.repeats[position] = first
    if not positions:
        return
    keys = list(positions)
    await lock_sources(batch.connection, batch.organization_id, keys)
    originals = await get_originals(batch.connection, batch.organization_id, keys)
    if not originals:
        return
    owners = await get_people(
        batch.connection, batch.organization_id, {original.user_id for original in originals.values()}, ()
    )
    names = {person.id: person.external_id for person in owners}
    labs = await get_known_labs(
        batch.connection, batch.organization_id, {original.lab_id for original in originals.values()}, ()
    )
    types = {lab.id: lab.type for lab in labs}
    for key, original in originals.items():
        position = positions[key]
        draft = batch.drafts[position]
        other = _other_attempt(draft, original, names.get(original.user_id), types.get(original.lab_id))
        if other is None and batch.revise:
            batch.revised[position] = original.id
        else:
            batch.outcomes[position] = other or _compared(draft, original)


def _other_attempt(
    draft: AttemptDraft, original: Original, external_id: str | None, lab_type: str | None
) -> Outcome | None:
    """How the two cannot be the same attempt."""
    if draft.user_id not in (None, original.user_id) or draft.user_external_id not in (None, external_id):
        return OtherPerson()
    if draft.lab_id not in (None, original.lab_id):
        return OtherContent(("lab_id",))
    if draft.lab_type not in (None, lab_type):
        return OTHER_LAB
    return None


def _compared(draft: AttemptDraft, original: Original) -> Outcome:
    difference = difference_from_original(draft, original.content)
    if difference is not None:
        return OtherContent(difference)
    return Recorded(original.id, original.user_id, original.lab_id, replayed=True)


async def _take_back_parked(batch: _Batch) -> None:
    """What waits already is recorded, or waits again, as it is now."""
    positions = {(draft.source, draft.source_id): position for position, draft in batch.open() if draft.source_id}
    parked = await get_parked_by_source(batch.connection, batch.organization_id, list(positions))
    for key, earlier in list(parked.items()):
        position = positions[key]
        draft = batch.drafts[position]
        if draft.user_external_id not in (None, earlier.user_external_id):
            batch.outcomes[position] = OtherPerson()
        elif draft.lab_type not in (None, earlier.lab_type):
            batch.outcomes[position] = OTHER_LAB
        else:
            continue
        del parked[key]
    await delete_parked(batch.connection, [earlier.id for earlier in parked.values()])


async def _resolve_names(batch: _Batch) -> None:
    drafts = [draft for _, draft in batch.open()]
    people = await get_people(
        batch.connection,
        batch.organization_id,
        {draft.user_id for draft in drafts if draft.user_id is not None},
        {draft.user_external_id for draft in drafts if draft.user_external_id is not None},
    )
    labs = await get_known_labs(
        batch.connection,
        batch.organization_id,
        {draft.lab_id for draft in drafts if draft.lab_id is not None},
        {draft.lab_type for draft in drafts if draft.lab_type is not None},
    )
    batch.people = {key: person for person in people for key in (person.id, person.external_id)}
    batch.labs = {key: lab for lab in labs for key in (lab.id, lab.type)}


async def _park(batch: _Batch, held: Mapping[int, str], park_unknown: bool) -> None:
    waiting: list[tuple[int, AttemptDraft, dict[str, Any]]] = []
    for position, draft in batch.open():
        person, lab = batch.person(draft), batch.lab(draft)
        external_id = draft.user_external_id if person is None else person.external_id
        lab_type = draft.lab_type if lab is None else lab.type
        reason = held.get(position) or ((person is None or lab is None) and park_unknown and "not known here")
        # An id of ours that finds nothing never will, so there is nothing to wait for.
        if reason and external_id is not None and lab_type is not None:
            row = {
                "user_external_id": external_id,
                "lab_type": lab_type,
                "attempt": draft_as_json(draft),
                "source": draft.source,
                "source_id": draft.source_id,
                "reason": reason,
            }
            waiting.append((position, draft, row))
    keys = [(draft.source, draft.source_id) for _, draft, _ in waiting if draft.source_id is not None]
    parked = await get_parked_by_source(batch.connection, batch.organization_id, keys)
    fresh = []
    for position, draft, row in waiting:
        earlier = parked.get((draft.source, draft.source_id or ""))
        if earlier is None:
            fresh.append(row)
            batch.outcomes[position] = Parked()
        else:
            batch.outcomes[position] = _compared_with_parked(row, earlier)
    await park_attempts(batch.connection, batch.organization_id, fresh)


def _compared_with_parked(row: dict[str, Any], earlier: ParkedAttempt) -> Outcome:
    if earlier.user_external_id != row["user_external_id"]:
        return OtherPerson()
    if earlier.lab_type != row["lab_type"]:
        return OTHER_LAB
    difference = first_difference(row["attempt"], earlier.attempt)
    return Parked(replayed=True) if difference is None else OtherContent(difference)


async def _insert(batch: _Batch) -> None:
    people = ((draft.status, batch.person(draft)) for _, draft in batch.open())
    successful = {person.id for status, person in people if status == "SUCCEEDED" and person is not None}
    changed = {person.id for position in batch.revised if (person := batch.person(batch.drafts[position])) is not None}
    # Before deadlines are looked up: an extension that is being granted either is seen, or sees what is recorded here.
    await lock_people(batch.connection, batch.organization_id, successful | changed)
    found = await _find_assignments(batch)
    rows, owners = _rows(batch, found)
    ids = dict(batch.revised)
    fresh = [(position, row) for position, row in zip(owners, rows, strict=True) if position not in ids]
    inserted = await insert_attempts(batch.connection, batch.organization_id, [row for _, row in fresh])
    ids.update(zip((position for position, _ in fresh), inserted, strict=True))
    known = [
        {"id": ids[position], **row} for position, row in zip(owners, rows, strict=True) if position in batch.revised
    ]
    await revise_attempts(batch.connection, batch.organization_id, known)
    for position, row in zip(owners, rows, strict=True):
        batch.outcomes[position] = Recorded(ids[position], row["user_id"], row["lab_id"])


async def _find_assignments(batch: _Batch) -> dict[int, ApplicableAssignment]:
    """By position of the draft; refuses those that name an assignment which is not theirs."""
    asked = []
    for position, draft in batch.open():
        person, lab = batch.person(draft), batch.lab(draft)
        assert person is not None
        assert lab is not None
        asked.append((position, AssignmentQuestion(person.id, lab.id, draft.assignment_id, draft.occurred_at)))
    answers = await get_assignments(batch.connection, batch.organization_id, [question for _, question in asked])
    found = {}
    for order, (position, question) in enumerate(asked):
        assignment = answers.get(order)
        if assignment is not None and assignment.lab_id != question.lab_id:
            batch.outcomes[position] = OtherLab()
        elif assignment is not None:
            found[position] = assignment
        elif question.assignment_id is not None:
            batch.outcomes[position] = NotKnown("assignment")
    return found


def _rows(batch: _Batch, assignments: dict[int, ApplicableAssignment]) -> tuple[list[dict[str, Any]], list[int]]:
    """What to insert, and the position of the draft of each row."""
    rows: list[dict[str, Any]] = []
    owners: list[int] = []
    firsts: dict[tuple[int, int], tuple[Any, int]] = {}
    for position, draft in batch.open():
        person, lab = batch.person(draft), batch.lab(draft)
        assert person is not None
        assert lab is not None
        assignment = assignments.get(position)
        order = len(rows)
        row: dict[str, Any] = {
            "position": order,
            "user_id": person.id,
            "lab_id": lab.id,
            "assignment_id": assignment and assignment.id,
            "status": draft.status,
            "started_at": draft.started_at,
            "completed_at": draft.completed_at,
            "due_at": draft.due_at if draft.due_at is not None or assignment is None else assignment.due_at,
            "duration_seconds": draft.duration_seconds,
            "score": draft.score,
            "accuracy": draft.accuracy,
            "skill_match": draft.skill_match,
            "difficulty": draft.difficulty if draft.difficulty is not None else _number(lab.difficulty),
            "hints_used": draft.hints_used,
            "errors": draft.errors,
            "memory_mib": draft.memory_mib,
            "cpu_percent": draft.cpu_percent,
            "source": draft.source,
            "source_id": draft.source_id,
            "first": False,
        }
        if draft.metadata is not None:
            # JSON null would be stored as such.
            row["metadata"] = draft.metadata
        if draft.status == "SUCCEEDED":
            pair, instant = (person.id, lab.id), (draft.completed_at, order)
            if pair not in firsts or instant < firsts[pair]:
                firsts[pair] = instant
        rows.append(row)
        owners.append(position)
    for _, order in firsts.values():
        rows[order]["first"] = True
    return rows, owners


def _number(value: Any) -> float | None:
    # Four decimals of at most 10: exact enough in a float to be the same decimal again.
    return None if value is None else float(value)


def _answer_repeats(batch: _Batch) -> None:
    """The same source id twice in one call is one attempt, if it says the same."""
    for position, first in batch.repeats.items():
        draft, earlier, outcome = batch.drafts[position], batch.drafts[first], batch.outcomes[first]
        if isinstance(outcome, Recorded | Parked):
            difference = first_difference(draft_as_json(draft), draft_as_json(earlier))
            if not _same(
                draft.user_id, earlier.user_id, draft.user_external_id, earlier.user_external_id, batch.people
            ):
                batch.outcomes[position] = OtherPerson()
            elif not _same(draft.lab_id, earlier.lab_id, draft.lab_type, earlier.lab_type, batch.labs):
                batch.outcomes[position] = OtherContent(("lab_id" if draft.lab_type is None else "lab_type",))
            elif difference is not None:
                batch.outcomes[position] = OtherContent(difference)
            elif isinstance(outcome, Recorded):
                batch.outcomes[position] = Recorded(outcome.attempt_id, outcome.user_id, outcome.lab_id, replayed=True)
            else:
                batch.outcomes[position] = Parked(replayed=True)
        else:
            # What was wrong with the first is wrong with this one.
            batch.outcomes[position] = outcome


def _same(
    one_id: int | None, other_id: int | None, one_name: str | None, other_name: str | None, known: Mapping[Any, Any]
) -> bool:
    """Whether two drafts name the same, be it by id or by name."""
    one, other = (one_name if one_id is None else one_id), (other_name if other_id is None else other_id)
    return one == other or (one in known and known.get(one) == known.get(other))
