"""``scoregraph doctor``: looks at everything, changes nothing.

``finding`` is what a check says, ``postgres``, ``redis`` and ``machine`` hold the checks, ``command`` prints them.
"""
