"""The demonstration of `secret-bridge demo`: a rotation on local servers, with the state of each vault at each step."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from bridge.cli.output.console import Line, Tone
from bridge.config.choose import choose
from bridge.execution.open import open_session
from bridge.execution.session import Session
from bridge.model.errors import Failed
from bridge.model.outcome import Outcome
from bridge.operations.adopt import AdoptOptions, adopt
from bridge.operations.retire import retire
from bridge.operations.rotate import RotateOptions, rotate
from bridge.operations.start import Options
from bridge.sandbox.readers import Reader, running
from bridge.sandbox.stack import BILLING, Stack
from sinks.port import SinkState, Stage

# Long enough to see that either value is accepted meanwhile, and short enough to watch.
PROPAGATION = timedelta(seconds=3)
VAULT, AWS = "vault://secret/apps/billing", "aws://us-east-1/apps/billing"
PATH = "apps/billing"


class Story:
    """A `Watcher` that prints the steps of a rotation, each with the state that the vaults really have then.

    The state is read from the vaults at each step, and not told from memory.
    """

    def __init__(self, demo: Demo) -> None:
        self._demo = demo
        self._told: set[str] = set()

    def step(self, name: str, text: str) -> None:
        """Print a kind of step once, after its last sink is done.

        Sinks are worked on in the order of their URIs, so the sink in Vault is the last of the two.
        """
        demo = self._demo
        if name == "stage" and VAULT in text:
            demo.tell("2 stage", "new value stored as pending in both; Auth0 does not know it yet")
            demo.show_sinks()
        elif name == "set":
            demo.tell("3 set", f"{text}: for {PROPAGATION.total_seconds():g} s either value may be accepted")
        elif name == "promote" and VAULT in text:
            demo.tell("4 promote", "")
            demo.show_sinks()
            demo.tell("5 settle", "probing until the new value has spread …")

    def waiting(self, left: timedelta, total: timedelta, why: str) -> None:
        """Print nothing.

        The demonstration shows the steps, and `Demo` says itself what it waits for.
        """


class Demo:
    """The demonstration: adopt, rotate into both vaults while applications read, probe both values, retire.

    `echo` prints a line.
    """

    def __init__(self, *, echo: Callable[[str], None]) -> None:
        self._echo = echo
        self._session: Session

    def run(self) -> None:
        """Run the demonstration on servers that are started on loopback, and stopped at the end.

        The environment of this process is changed meanwhile, and restored at the end.

        Raises:
            Failed: a step did not have the expected result.
        """
        started = time.monotonic()
        before = dict(os.environ)
        self._echo("Starting a local Auth0, OpenBao and AWS (moto) on loopback …")
        with Stack(PROPAGATION) as stack:
            for name in [n for n in os.environ if n.startswith(("AUTH0_", "VAULT_", "BAO_", "AWS_", "BRIDGE_"))]:
                del os.environ[name]  # the demonstration must not reach the user's own servers
            os.environ.update(stack.environment())
            try:
                self._echo(
                    f"… {time.monotonic() - started:.1f} s.  "
                    f"Auth0's propagation window is scaled: 30 s -> {PROPAGATION.total_seconds():g} s"
                )
                self._story(stack)
            finally:
                os.environ.clear()
                os.environ.update(before)
        took = time.monotonic() - started
        self._echo(f"All local servers stopped, nothing left behind.   {took:.1f} s     Next: secret-bridge init")

    def tell(self, title: str, text: str) -> None:
        """Print one line: a title, and the text that belongs to it.

        Either of them may be empty.
        """
        self._echo(Line.of((f"{title:<10}", Tone.STRONG), f" {text}" if text else ""))

    def show_sinks(self) -> None:
        """Print what each vault holds now, according to its own metadata.

        It asks the vaults, and reads no value.
        """
        for sink in self._session.sinks.values():
            self._echo(f"           {_state(sink.survey())}")

    def _open(self, story: Story) -> Session:
        settings, client = choose(BILLING, None, os.environ, sinks=(VAULT, AWS))
        # A real client waits a day before its fallback may go.
        client = replace(client, name="billing", fallback_min_age=timedelta(seconds=2))
        return open_session(settings, client, story)

    def _story(self, stack: Stack) -> None:
        import hvac

        secret = stack.billing.client_secret
        vault = hvac.Client(url=stack.bao.url, token=stack.bao.token)
        # The document has a key of its own, as real ones do. The bridge has to leave it alone.
        vault.secrets.kv.v2.create_or_update_secret(PATH, {"client_secret": secret, "db_url": "postgres://db/billing"})
        self._session = self._open(Story(self))
        self._adopt()
        readers = self._readers(stack)
        end = running(readers)
        try:
            done = rotate(self._session, RotateOptions())
        finally:
            end()
        if isinstance(done, Outcome):  # no interval holds a story up
            self._settled(done)
        for reader, kind in zip(readers, ("that tries the candidates", "that only sees the latest"), strict=True):
            self._echo(
                f"           an application {kind} asked for {reader.asked} tokens meanwhile: "
                f"{reader.refused} refused, {reader.more} needed another try, slowest {reader.slowest:.2f} s"
            )
        # It is the promise of the product, so the demonstration fails if it does not hold.
        if readers[0].refused:
            raise Failed("the application that tries the candidates was refused a token")
        self._retire()

    def _adopt(self) -> None:
        adopt(self._session, AdoptOptions())
        self.tell("1 adopt", f"the value in {VAULT} is accepted by Auth0 -> tagged as current")
        self._echo(f"           {AWS} was empty -> the same value written")
        self.show_sinks()

    def _readers(self, stack: Stack) -> list[Reader]:
        session, patience = self._open(Story(self)), PROPAGATION.total_seconds() * 35 / 30
        return [
            Reader(stack.auth0.url, BILLING, session.sinks[VAULT], candidates=candidates, patience=patience)
            for candidates in (True, False)
        ]

    def _settled(self, done: Outcome) -> None:
        settled = done.propagated
        if settled is None or not settled.proven:
            raise Failed("the change did not spread")
        self._echo(
            f"           the new value accepted {settled.accepted} of {settled.asked} times "
            f"over {settled.seconds:.1f} s, the old one refused {settled.refused} of {settled.asked_old} at the end"
        )

    def _retire(self) -> None:
        wait = timedelta(seconds=4)  # time since a reader's last failure, which the logs give in whole seconds
        self.tell("6 retire", f"the fallback may go after fallback_min_age (here {2} s, usually 24 h)")
        time.sleep(wait.total_seconds())
        done = retire(self._session, Options())
        if done is None:
            raise Failed("there was no fallback to retire")
        self.show_sinks()
        self._echo("           vault destroyed the old version; AWS keeps its version readable by id, without a label")


def _state(state: SinkState) -> str:
    parts = [
        f"{'v' if v.id.isdigit() else ''}{v.id[:8]} {v.stage}"
        for v in state.history.versions
        if v.stage in (Stage.CURRENT, Stage.FALLBACK, Stage.RETIRED)
    ]
    # The history lists versions of the document itself, and a pending value is beside it.
    pending = ["a new value pending"] if state.unsettled else []
    return f"{state.uri:<32} {', '.join(parts + pending) or 'empty'}"
