"""What is sent, whatever the channel."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

LONGEST_TITLE = 200
# Control characters, and those that turn the direction of what is around them.
UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]+")
UNFIT_IN_TEXT = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]+")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file, as a whole."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Notice:
    """``title`` is one line, ``text`` plain text, ``link`` leads to more. Only e-mail takes the ``attachment``. ``key`` stays the same
    when the same is sent again, so that receivers can tell; ``kind`` is for programs.
    """

    title: str
    text: str
    link: str
    attachment: Attachment | None = None
    kind: str = "notice"
    key: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def line(self) -> str:
        """The title as one line of bounded length, whatever somebody called a thing."""
        return " ".join(UNFIT.sub(" ", self.title).split())[:LONGEST_TITLE]

    @property
    def plain(self) -> str:
        """The text without what some program would act on."""
        return UNFIT_IN_TEXT.sub(" ", self.text)
