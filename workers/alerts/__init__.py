"""Alerts: rules about how the platform runs, judged every few seconds."""
