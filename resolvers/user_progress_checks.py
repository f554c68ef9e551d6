"""What the user-progress service says about the people and labs of attempts that are to be recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from db.attempt_drafts import AttemptDraft
from resolvers.attempt_errors import unknown_lab, unknown_user
from resolvers.context import Context
from resolvers.loaders.labs import load_lab_by_id
from resolvers.loaders.users import load_user_by_id
from resolvers.user_errors import Path, Refused, UnavailableError, UserError
from resolvers.user_progress import UserProgressUnavailable
from settings import UserProgressMode


@dataclass(frozen=True, slots=True)
class ProgressCheck:
    """By position of the draft: who is refused (strict), who is held back and why (defer)."""

    refused: dict[int, UserError] = field(default_factory=dict)
    held: dict[int, str] = field(default_factory=dict)


async def check_user_progress(context: Context, drafts: Mapping[int, tuple[AttemptDraft, Path]]) -> ProgressCheck:
    """Asks about every distinct person and lab once. Raises Refused in strict mode while the service cannot tell."""
    service, mode = context.services.user_progress, context.services.settings.user_progress_mode
    check = ProgressCheck()
    if service is None or mode is UserProgressMode.OFF or not drafts:
        return check
    names = await _names(context, drafts)
    # Asking may take seconds; no snapshot is to be kept open meanwhile.
    await context.renew()
    users = {user for user, _ in names.values() if user is not None}
    labs = {lab for _, lab in names.values() if lab is not None}
    try:
        unknown = await service.unknown(users, labs)
    except UserProgressUnavailable as error:
        if mode is UserProgressMode.STRICT:
            raise Refused(UnavailableError(str(error), ("input",))) from error
        check.held.update(dict.fromkeys(drafts, "the user-progress service did not answer"))
        return check
    for position, (draft, path) in drafts.items():
        user, lab = names[position]
        if user in unknown.users:
            check.refused[position] = unknown_user(draft, path)
        elif lab in unknown.labs:
            check.refused[position] = unknown_lab(draft, path)
    if mode is UserProgressMode.DEFER:
        held = dict.fromkeys(check.refused, "not known to the user-progress service")
        return ProgressCheck(held=held)
    return check


async def _names(
    context: Context, drafts: Mapping[int, tuple[AttemptDraft, Path]]
) -> dict[int, tuple[str | None, str | None]]:
    """External id of the person and type of the lab of each draft; None for an id of ours that finds nothing."""
    user_ids = {draft.user_id for draft, _ in drafts.values() if draft.user_id is not None}
    lab_ids = {draft.lab_id for draft, _ in drafts.values() if draft.lab_id is not None}
    users = {row.id: row.external_id for row in await context.load_many(load_user_by_id, user_ids) if row}
    labs = {row.id: row.type for row in await context.load_many(load_lab_by_id, lab_ids) if row}
    return {
        position: (
            draft.user_external_id if draft.user_id is None else users.get(draft.user_id),
            draft.lab_type if draft.lab_id is None else labs.get(draft.lab_id),
        )
        for position, (draft, _) in drafts.items()
    }
