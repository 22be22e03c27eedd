"""Auth0 in memory: one client, a change that spreads, probes that meet the old or the new; and the `Auth0` that asks.

For the time of propagation each probe may find any value that was live within it, or not: the search follows both.
"""

from __future__ import annotations

from bridge.auth0.client import Client
from bridge.auth0.errors import Unreachable
from bridge.auth0.probe import Verdict
from bridge.model.origin import Settable
from sinks.errors import Expired
from sinks.secret import Secret
from tests.resilience.model.vault_model import Ask
from tests.resilience.model.world import AUTH0, EXPIRED, LOST, OK, Answer, Auth0State, Request

PROPAGATION = 30.0
NEW_EDGE, OLD_EDGE = "new", "old"
CLIENT_ID, TENANT = "client", "tenant"
CLIENT = Client(CLIENT_ID, "model", app_type="non_interactive", grant_types=("client_credentials",), alg="RS256")


def met(state: Auth0State) -> set[str]:
    """Return every value that Auth0 may accept at this moment."""
    return {state.live, *(value for value, _ in state.old)}


def changed(state: Auth0State, value: str, clock: float) -> Auth0State:
    """Return what Auth0 is after a change; setting the live value again changes nothing."""
    if value == state.live:
        return state
    until = clock + PROPAGATION
    old = tuple(sorted({**dict(state.old), state.live: until}.items()))
    return state._replace(live=value, old=tuple(o for o in old if o[0] != value), unsure=until)


def serve_auth0(state: Auth0State, request: Request, clock: float) -> tuple[tuple[Auth0State, Answer], ...]:
    """Do one call: every way in which it may come out."""
    if request.before is not None and clock >= request.before:
        return ((state, (EXPIRED,)),)
    if request.name == "probe":
        return tuple((state, (OK, *verdict)) for verdict in _verdicts(state, request.args[0]))
    if request.name == "live_secret":
        return ((state, (OK, state.live)),)
    if request.name == "rotate_secret":
        value = f"generated-{state.made}"
        return ((changed(state, value, clock)._replace(made=state.made + 1), (OK, value)),)
    return ((changed(state, request.args[0], clock), (OK,)),)


def _verdicts(state: Auth0State, value: str) -> tuple[tuple[bool, str | None], ...]:
    """Return whether the value is accepted, and the edge that says so: one that knows of the change, or another."""
    if value == state.live:
        return ((True, NEW_EDGE), (False, OLD_EDGE)) if state.unsure else ((True, None),)
    if any(value == old for old, _ in state.old):
        return (False, NEW_EDGE), (True, OLD_EDGE)
    return ((False, None),)


class ModelAuth0:
    """Stands for `bridge.auth0.api.Auth0`."""

    name = TENANT
    own_client_id = None

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    def can(self, scope: str) -> bool:
        return scope != "read:logs"

    def require(self, scope: str) -> None:
        return

    def get_client(self, client_id: str) -> Client:
        return CLIENT

    def live_secret(self, client_id: str) -> Secret | None:
        kind, *told = self._ask(Request(AUTH0, "live_secret"))
        if kind == LOST:
            raise Unreachable("no answer", maybe_done=False)
        return Secret(told[0])

    def await_turn(self) -> None:
        """Changes have no pace here."""

    def set_secret(self, client_id: str, secret: Settable, *, before: float | None) -> None:
        self._change("set_secret", (secret.value.reveal(),), before)

    def rotate_secret(self, client_id: str, *, before: float | None) -> Secret:
        return Secret(self._change("rotate_secret", (), before)[1])

    def probe(self, client: Client, secret: Secret) -> Verdict:
        kind, *told = self._ask(Request(AUTH0, "probe", (secret.reveal(),)))
        if kind == LOST:
            return Verdict.UNKNOWN
        return Verdict.ACCEPTED if told[0] else Verdict.REFUSED

    def _change(self, name: str, args: tuple[str, ...], before: float | None) -> Answer:
        answer = self._ask(Request(AUTH0, name, args, before))
        if answer[0] == EXPIRED:
            raise Expired("too late")
        if answer[0] == LOST:
            raise Unreachable("no answer")
        return answer
