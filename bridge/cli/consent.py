"""The user's consent to what cannot be undone, or creates a secret."""

from __future__ import annotations

import sys
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from bridge.cli.output import text as show
from bridge.cli.output.console import is_terminal, say_all
from bridge.model.errors import Refused

if TYPE_CHECKING:
    from bridge.model.plan import Plan


@dataclass
class Consent:
    """Asks the user whether plans may be executed.

    It asks for plans that cannot be undone or that create a secret, or for every plan with `always`. On a terminal it
    asks a question. Elsewhere --yes is the only way to agree.
    """

    yes: bool
    """Whether the user has agreed beforehand."""
    always: bool = False
    deed: str = ""
    """What is done to each client, in words, where every client of the command would be asked about."""
    _harmless: bool = field(default=False, init=False)
    """Whether the user has agreed beforehand to whatever can be undone."""

    def __call__(self, plan: Plan) -> bool:
        """Return whether this plan may be executed.

        Raises:
            Refused: the user has to be asked, and cannot be.
        """
        if self.yes or not (plan.irreversible or (not self._harmless and (plan.creates or self.always))):
            return True
        say_all(show.plan(plan), err=True)
        # A scheduled job must not wait for an answer that never comes.
        if not is_terminal(sys.stdin):
            raise Refused("this asks for consent, and there is no terminal", "add --yes")
        # A question in the midst of other clients' lines would be answered for the wrong one.
        if threading.current_thread() is not threading.main_thread():
            raise Refused("this asks for consent, and several clients are worked on at a time", "--yes, or --jobs 1")
        return _confirmed("Go on?")

    def for_all(self, clients: int) -> None:
        """Ask once for all clients of a command, where each of them would be asked about and somebody can answer.

        Raises:
            Refused: the user does not agree, or cannot be asked about what cannot be undone.
        """
        if self.yes or not self.deed:
            return
        if not is_terminal(sys.stdin):
            if self.always:
                return  # a client that is as it should be asks for nothing
            raise Refused(f"this asks for consent, and there is no terminal. {self.deed}", "add --yes")
        if not _confirmed(f"{self.deed} Go on with {show.clients(clients)}?"):
            raise Refused("not confirmed", "--dry-run shows the plan of each client; --jobs 1 asks for each")
        # With `always` the question was about what can be undone. A plan that cannot be is asked about by itself.
        if self.always:
            self._harmless = True
        else:
            self.yes = True


def _confirmed(question: str) -> bool:
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:  # Ctrl-D, Ctrl-C at the question
        return False
