"""What became of events out, for the figures of the worker."""

from __future__ import annotations

from prometheus_client import Counter

PUBLISHED = Counter("events_published", "Events that the stream or topic took.", registry=None)
FAILURES = Counter("events_publish_failures", "Rounds of publishing that the broker did not take.", registry=None)
POSTED = Counter("webhook_posts", "Messages by how it went: taken or failed.", ("result",), registry=None)

COLLECTORS = (PUBLISHED, FAILURES, POSTED)
