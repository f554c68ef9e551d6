"""The commands of ``scoregraph``, a file per command; `cli.py` composes them.

``servers`` finds or starts PostgreSQL and Valkey, ``gateway`` runs the web server, ``secret`` keeps the secret that tokens
are signed with on one box, ``complaints`` turns what can go wrong into a sentence.
"""
