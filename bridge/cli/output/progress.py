"""Progress on stderr: one line for each step, and a bar while waiting if stderr is a terminal."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bridge.cli.output.console import coloured, is_terminal, say
from bridge.fleet.jobs import let_another_begin

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

LOG = logging.getLogger("bridge.model.steps")
SHORTEST_BAR = timedelta(seconds=1)
BAR = 30
MARGIN = 17
"""Columns before the bar, so that it begins where the text of a step does."""
ALWAYS = ("leak", "after")
"""The names of the steps that are printed even in quiet mode: what is still to be done about a leak, and the output of
an `after` command."""


class Lines:
    """A `Watcher` that prints each step with its time (UTC).

    In quiet mode, which --json uses, it logs the steps instead, except for `ALWAYS`, and shows no bar. With `client`,
    each line names it, and there is no bar either, because several clients are worked on at a time. `on_wait` is called
    with whether the client waits.
    """

    def __init__(
        self, client: str = "", *, quiet: bool = False, on_wait: Callable[[bool], None] = lambda _: None
    ) -> None:
        self._on_wait = on_wait
        self._client = f"{client} " if client else ""
        self._quiet = quiet
        self._bar: tuple[Progress, TaskID] | None = None
        self._told = ""

    def step(self, name: str, text: str) -> None:
        """Print one step, or log it in quiet mode.

        `ALWAYS` is printed: what has to be known about a leak, and what the user's own command says, must not depend
        on an option.
        """
        if self._quiet and name not in ALWAYS:
            LOG.debug("%s: %s", name, text)
        else:
            say(f"{datetime.now(UTC):%H:%M:%S} {self._client}{name:<8} {text}", err=True)

    def waiting(self, left: timedelta, total: timedelta, why: str) -> None:
        """Say once what is waited for, and show a bar below it, on a terminal only.

        Waits shorter than a second have neither. The bar is removed when nothing is left to wait. Another client may
        begin meanwhile.
        """
        let_another_begin()
        self._on_wait(left > timedelta())
        if self._quiet or self._client or total < SHORTEST_BAR or not is_terminal(sys.stderr):
            return
        if self._bar is None:
            if why != self._told:
                self.step("wait", why)
                self._told = why
            # Loaded only for a bar. rich takes long to import, and scheduled jobs never show one.
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            console = Console(stderr=True, no_color=not coloured(sys.stderr))
            # Not rich's own colours: a wait that goes on is no error, and its red says so.
            bar = BarColumn(BAR, complete_style="cyan", finished_style="green")
            progress = Progress(
                TextColumn(f"{'':{MARGIN}}"), bar, TextColumn("{task.fields[left]}"), console=console, transient=True
            )
            progress.start()
            self._bar = progress, progress.add_task("", total=total.total_seconds(), left="")
        progress, task = self._bar
        progress.update(task, completed=(total - left).total_seconds(), left=f"{left.total_seconds():.0f} s")
        if left <= timedelta():
            progress.stop()
            self._bar = None
