"""How a process that stays keeps house."""

from __future__ import annotations

import gc


def spare_what_stays() -> None:
    """Takes the schema and the libraries out of the garbage collector's rounds: they stay as long as the process, and going
    through them again and again takes longer than many an answer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
