"""Global ids: opaque to clients, the same wherever one is written."""

from __future__ import annotations

import base64


def global_id(kind: str, key: int) -> str:
    """The opaque id of row ``key`` of a type."""
    return base64.urlsafe_b64encode(f"{kind}:{key}".encode()).decode().rstrip("=")
