"""Who may share an answer: callers to whom the same operation answers alike."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from db.entering import Caller


class Audience(IntEnum):
    """For whom an answer is good, known when it is complete. Reading who asks narrows it; nothing widens it again."""

    SCOPE = 0
    """Everybody in the row scope."""
    PERSON = 1
    """Only the person who asked (``RowScope.personal``): the operation read who that is."""
    TOKEN = 2
    """Only who sent this very token, which the answer tells of."""


@dataclass(frozen=True, slots=True)
class RowScope:
    """Equal for callers who see the same rows and may do the same, so that they can share answers.

    Those who see a whole organization share by role, as long as an operation does not read who is asking. What others see
    follows from who they are: ``person`` and ``group_ids`` tell them apart. All of it is said by the token: who is
    deactivated, or has lost a group, is still of the same scope, and has to be found out otherwise.
    """

    organization: str
    role: str
    person: str | None = None
    group_ids: tuple[str, ...] | None = None

    @classmethod
    def of(cls, caller: Caller) -> RowScope:
        """The widest scope that the caller can share an answer in."""
        return cls(caller.organization, caller.role) if caller.sees_all else cls.personal(caller)

    @classmethod
    def personal(cls, caller: Caller) -> RowScope:
        """The scope of the caller alone, who may have several sockets and tokens."""
        return cls(caller.organization, caller.role, caller.subject, caller.group_ids)

    @property
    def is_personal(self) -> bool:
        return self.person is not None
