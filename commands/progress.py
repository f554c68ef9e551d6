"""Progress of long steps: bars on a terminal, a line per step elsewhere."""

from __future__ import annotations

from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

# What importers call their steps, for people.
TITLES = {
    "imagine": "Making up people and their year",
    "read": "Reading the files",
    "catalogue": "Writing topics, levels and labs",
    "people": "Writing people and groups",
    "fold": "Folding changes into the rollups",
    "views": "Refreshing the views",
}


class Steps:
    """``advance(step, done, total)`` shows how far a step is; a total of 0 is not known."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bars: dict[str, TaskID] = {}
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> Steps:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def advance(self, step: str, done: int, total: int) -> None:
        bar = self._bars.get(step)
        if bar is None:
            title = TITLES.get(step) or step[:1].upper() + step[1:]
            bar = self._bars[step] = self._progress.add_task(title, total=total or None)
            if not self._console.is_terminal:
                self._console.print(f"{title} …", highlight=False)
        self._progress.update(bar, completed=done, total=total or None)
