"""What is sent to people and other systems: by e-mail, Slack, Telegram and webhook."""
