"""``scoregraph documents``: what may run by its id.

``files`` reads what tools write, ``checking`` says whether it would run, ``command`` registers, lists, checks and removes.
"""
