"""The settings of the process that answers, for those who may OPERATE. What is secret, or somebody's address, is not told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from pydantic import AliasChoices, SecretStr
from pydantic.fields import FieldInfo

from resolvers.context import Context
from settings import Settings

URL = re.compile(r"([a-z][a-z0-9+.-]*://)(?:[^/?#]*@)?([^/?#@]*(?:/[^?#@]*)?)(?:[?#][^@]*)?", re.IGNORECASE)
"""With an ``@`` nowhere but between name and host: in any other one it is not certain where the password ends."""


@dataclass(frozen=True, slots=True)
class Setting:
    """``value`` is what holds, given or by default; None for none, and where it is not told."""

    name: str
    value: str | None
    is_set: bool
    description: str


def resolve_settings(context: Context) -> list[Setting]:
    """In the order of the README."""
    settings = context.services.settings
    return [_setting(settings, name, field) for name, field in Settings.model_fields.items()]


def _setting(settings: Settings, name: str, field: FieldInfo) -> Setting:
    value = getattr(settings, name)
    return Setting(
        name=_variable(field),
        value=None if value is None else _told(value, is_open=field.repr),
        is_set=name in settings.model_fields_set and value is not None,
        description=field.description or "",
    )


def _variable(field: FieldInfo) -> str:
    """Of the environment; the first where it has several names."""
    alias = field.validation_alias
    return str(alias.choices[0] if isinstance(alias, AliasChoices) else alias)


def _told(value: object, *, is_open: bool) -> str | None:
    if isinstance(value, SecretStr):
        return None
    if isinstance(value, tuple):
        parts = [_told(part, is_open=is_open) for part in value]
        return None if None in parts else ",".join(filter(None, parts)) or None
    text = str(value.value if isinstance(value, Enum) else value)
    if "://" in text:
        return url_without_credentials(text)
    return text if is_open else None


def url_without_credentials(url: str) -> str | None:
    """Without name and password, and without what follows a ``?`` or ``#``; None where that cannot be told apart."""
    parts = URL.fullmatch(url)
    return parts and parts[1] + parts[2]
