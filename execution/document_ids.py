"""How documents are named: by the SHA-256 of their text, or by another id that their tools gave them."""

from __future__ import annotations

import hashlib
import re

from execution.refusals import Refusal

PREFIX = "sha256:"
ID = re.compile(r"[A-Za-z0-9_.~:-]{1,128}")
_HASH = re.compile(r"[0-9a-fA-F]{64}")


def hash_of(text: str) -> str:
    """SHA-256 of the text in UTF-8, as 64 hexadecimal digits in lower case."""
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()


def as_hash(id: str) -> str | None:
    """The hash that an id is, with or without the prefix of GraphQL over HTTP; None for an id of another kind."""
    bare = id.removeprefix(PREFIX)
    return bare.lower() if _HASH.fullmatch(bare) else None


def checked_id(id: str) -> str:
    """The name that a document is kept under. Raises Refusal for what can be none."""
    if not ID.fullmatch(id):
        raise Refusal(400, "The id of a document has 1 to 128 letters, digits or characters of -._~: only.")
    return as_hash(id) or id
