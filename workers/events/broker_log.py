"""What the brokers' library says, in one line each: its tracebacks may quote what an event says."""

from __future__ import annotations

import logging

BROKER_LOG = logging.getLogger(__name__)
BROKER_LOG.setLevel(logging.WARNING)


def _without_traceback(record: logging.LogRecord) -> bool:
    if record.exc_info and record.exc_info[0] is not None:
        record.msg, record.args = f"{record.getMessage()} ({record.exc_info[0].__name__})", ()
        record.exc_info = None
    return True


BROKER_LOG.addFilter(_without_traceback)
