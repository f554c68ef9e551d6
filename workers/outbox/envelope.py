"""An event as others are told of it: a CloudEvents 1.0 message in structured mode."""

from __future__ import annotations

import orjson

from db.queries.outbox import OutgoingEvent

MEDIA_TYPE = "application/cloudevents+json"


def cloud_event(event: OutgoingEvent) -> bytes:
    """The same bytes however often it is sent. ``id`` tells events apart; ``organization`` is left out for what is of the platform."""
    of = {} if event.organization is None else {"organization": event.organization}
    return orjson.dumps(
        {
            "specversion": "1.0",
            "id": str(event.event_id),
            "source": "/" if event.organization is None else f"/organizations/{event.organization}",
            "type": event.type,
            "subject": event.subject,
            "time": event.at,
            "datacontenttype": "application/json",
            **of,
            "data": event.data,
        },
        option=orjson.OPT_UTC_Z,
    )


def partition_key(event: OutgoingEvent) -> str:
    """What events share that have to stay in order."""
    return f"{event.organization or ''}/{event.subject}"
