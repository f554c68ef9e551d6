"""CloudEvents in binary mode: the attributes lie beside the data, as headers or fields of an entry, and the body is the data.

They become what the same event is in structured mode, so that whatever is kept of it can be read again by itself.
"""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from workers.events.envelope import Message

NUMBERS = ("version", "schemaversion")
"""Attributes of ours that are whole numbers; in binary mode everything is text."""


def message_of(topic: str, body: bytes, attributes: Mapping[str, bytes | str | None], *, prefix: str) -> Message:
    """``attributes`` are CloudEvents' where they begin with ``prefix``; without ``specversion`` among them the body is the event."""
    if f"{prefix}specversion" not in attributes:
        return Message(topic, body)
    try:
        said = {
            name.removeprefix(prefix): _value(name.removeprefix(prefix), value)
            for name, value in attributes.items()
            if name.startswith(prefix)
        }
        return Message(topic, orjson.dumps({**said, "data": orjson.loads(body)}))
    except (ValueError, TypeError):
        # It cannot be put together; as it came it is refused.
        return Message(topic, body)


def _value(name: str, value: bytes | str | None) -> str | int | None:
    text = value.decode() if isinstance(value, bytes) else value
    return int(text) if name in NUMBERS and text and text.isdecimal() and len(text) < 20 else text
