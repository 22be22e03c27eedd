"""Progress on stderr: one line for each step, and a bar while waiting if stderr is a terminal."""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bridge.cli.output.console import is_terminal, say

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LOG = logging.getLogger("bridge.model.steps")
SHORTEST_BAR = timedelta(seconds=1)
LEAK = "leak"
"""The name of the step that is printed even in quiet mode."""


class Lines:
    """A `Watcher` that prints each step with its time (UTC).

    In quiet mode, which --json uses, it logs the steps instead, except for `LEAK`, and shows no bar.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: tuple[Progress, TaskID] | None = None

    def step(self, name: str, text: str) -> None:
        """Print one step, or log it in quiet mode.

        A leak is always printed: what has to be known about it must not depend on an option.
        """
        if self._quiet and name != LEAK:
            LOG.debug("%s: %s", name, text)
        else:
            say(f"{datetime.now(UTC):%H:%M:%S} {name:<8} {text}", err=True)

    def waiting(self, left: timedelta, total: timedelta, why: str) -> None:
        """Show a progress bar on a terminal, and nothing elsewhere. Waits shorter than a second have no bar.

        It is removed when nothing is left to wait.
        """
        if self._quiet or total < SHORTEST_BAR or not is_terminal(sys.stderr):
            return
        if self._bar is None:
            # Loaded only for a bar. rich takes long to import, and scheduled jobs never show one.
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

            columns = (TextColumn("         wait     {task.description}"), BarColumn(20), TimeRemainingColumn())
            progress = Progress(*columns, console=Console(stderr=True), transient=True)
            progress.start()
            self._bar = progress, progress.add_task(why, total=total.total_seconds())
        progress, task = self._bar
        progress.update(task, completed=(total - left).total_seconds())
        if left <= timedelta():
            progress.stop()
            self._bar = None
