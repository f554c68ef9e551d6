"""Dropping what names a person from free-form data, by its keys.

A key is taken apart into words (``clientIp``, ``client_ip``, ``CLIENT-IP``); one that has a word of the list, or is one when it
is written together (``first_name``), is dropped with everything in it. Values are not looked at.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import Any

# ``IPAddress`` is two words, as ``ipAddress`` is, and ``IPs`` one; digits belong to none.
_SEAM = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z](?!s(?![^\W\d_A-Z]))[^\W\d_A-Z])")
_LETTERS = re.compile(r"[^\W\d_]+")


def without_personal_keys(value: Any, words: Collection[str]) -> tuple[Any, list[str]]:
    """The value without such keys, and which were dropped: paths such as ``client.ip``, each once, without places in lists.
    ``words`` are in small letters.
    """
    dropped: dict[str, None] = {}
    return _without(value, "", words, dropped), list(dropped)


def _without(value: Any, path: str, words: Collection[str], dropped: dict[str, None]) -> Any:
    if isinstance(value, list):
        return [_without(item, path, words, dropped) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {}
    for key, item in value.items():
        here = f"{path}.{key}" if path else key
        if is_personal(key, words):
            dropped[here] = None
        else:
            kept[key] = _without(item, here, words, dropped)
    return kept


def is_personal(key: str, words: Collection[str]) -> bool:
    """Whether a key has one of the words in it, in the singular or plural, however it is written."""
    spellings = (key,) if key.isascii() else (unicodedata.normalize("NFKC", key), _plain(key))
    found = (word for spelling in spellings for word in _words(spelling))
    return any(form in words for word in found for form in (word, word.removesuffix("s"), word.removesuffix("es")))


def _plain(key: str) -> str:
    """Without accents, and without what is not seen, such as soft hyphens and zero-width spaces."""
    return "".join(
        character
        for character in unicodedata.normalize("NFKD", key)
        if unicodedata.category(character) not in {"Mn", "Cf"}
    )


def _words(key: str) -> Iterator[str]:
    parts = [word.casefold() for word in _LETTERS.findall(_SEAM.sub(" ", key))]
    yield from parts
    yield "".join(parts)
