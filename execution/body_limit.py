"""No body and no message is read further than this."""

from __future__ import annotations

from execution.refusals import Refusal

# A batch of 1,000 full attempts is about 400 KiB.
MAX_BYTES = 1024 * 1024


def too_large() -> Refusal:
    return Refusal(413, f"At most {MAX_BYTES // 1024} KiB can be sent at once.", "PAYLOAD_TOO_LARGE")
