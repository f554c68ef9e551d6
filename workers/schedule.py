"""What is done regularly: cron (minutes, hours, days, months, weekdays, in UTC) and the name of a task."""

from __future__ import annotations

SCHEDULE = {
    "*/10 * * * *": "maintenance:maintain",
    "*/5 * * * *": "exports:expire",
}
