"""When nobody listens to a topic of events, and when its events are late."""

from __future__ import annotations

SILENT_SECONDS = 30.0
"""After which nobody listens to a topic: workers say every five seconds that they do."""

LATE_SECONDS = 60.0
"""An event that waits for longer is late."""

CONSUMERS = "SELECT topic, silent_seconds, waiting_seconds FROM consumer_health()"
