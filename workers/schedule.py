"""What is done regularly: cron (minutes, hours, days, months, weekdays, in UTC) by the name of a task.

Sums of days, weeks and months need nothing: they are live. What follows changes within a minute is a loop (``workers/loop.py``).
"""

from __future__ import annotations

SCHEDULE = {
    "reports:run_due": "* * * * *",
    "exports:expire": "*/5 * * * *",
    "maintenance:unpark": "*/10 * * * *",
    "refresh:all": "7 * * * *",
    "platform:tend": "37 * * * *",
    "maintenance:clean_up": "23 3 * * *",
}

LATEST_SECONDS = 86_400
"""What was due while no worker ran is still done when one comes, if that was not longer ago."""
