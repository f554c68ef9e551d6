"""What is done regularly: cron (minutes, hours, days, months, weekdays, in UTC) by the name of a task.

Sums of days, weeks and months are live: they are only checked, in the early hours, after the period. What follows changes within a minute is a loop (``workers/loop.py``).
"""

from __future__ import annotations

SCHEDULE = {
    "exports:expire": "*/5 * * * *",
    "maintenance:unpark": "*/10 * * * *",
    "refresh:all": "7 * * * *",
    "platform:tend": "37 * * * *",
    "maintenance:warm": "27 * * * *",
    "recount:daily": "41 2 * * *",
    "maintenance:clean_up": "23 3 * * *",
    "recount:weekly": "11 4 * * 1",
    "recount:monthly": "31 4 1 * *",
}

LATEST_SECONDS = 86_400
"""What was due while no worker ran is still done when one comes, if that was not longer ago."""
