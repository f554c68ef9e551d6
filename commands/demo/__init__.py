"""``scoregraph demo``: everything on one machine, with data, until Ctrl-C.

``command`` goes through the steps, ``lock`` keeps a second one off the same data directory, ``data`` fills the database and
knows whose tokens to hand out, ``running`` keeps worker and gateway going, ``welcome`` says what to do with it all.
"""
