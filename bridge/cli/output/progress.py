"""Progress on stderr: one line for each step, and a bar while waiting if stderr is a terminal."""

from __future__ import annotations

import logging
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bridge.cli.output.console import coloured, is_terminal, say
from bridge.model.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LOG = logging.getLogger("bridge.model.steps")
SHORTEST_BAR = timedelta(seconds=1)
BAR = 20
BESIDES, SHORTEST_TEXT = 18 + BAR + 10, 10
"""Columns of a line that are not the text of the wait, and how many the text has at least."""
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
            from rich.progress import BarColumn, Progress, TextColumn

            console = Console(stderr=True, no_color=not coloured(sys.stderr))
            # rich cuts off the last column where a line is too long, and that is the one to look at.
            room = max(console.width - BESIDES, SHORTEST_TEXT)
            text = textwrap.shorten(printable(why), room, placeholder=" …")
            columns = (
                TextColumn("         wait     {task.description}", markup=False),
                BarColumn(BAR),
                TextColumn("{task.fields[left]} s"),
            )
            progress = Progress(*columns, console=console, transient=True)
            progress.start()
            self._bar = progress, progress.add_task(text, total=total.total_seconds(), left="")
        progress, task = self._bar
        progress.update(task, completed=(total - left).total_seconds(), left=f"{left.total_seconds():.0f}")
        if left <= timedelta():
            progress.stop()
            self._bar = None
