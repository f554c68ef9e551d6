"""Events that other systems tell: read (``envelope``, ``handlers``), taken once in one transaction (``inbox``), and, where that
fails, tried again in the order of their person or kept as ``dead_letters``. ``streams`` and ``kafka`` bring them.

What comes of a set of events is the same in whatever order, and however often, they come: of each thing the newest word wins,
by its version, then by its instant (``db.queries.event_registers``).
"""
