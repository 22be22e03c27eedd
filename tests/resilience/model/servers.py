"""All servers together: every way in which a request may come out."""

from __future__ import annotations

from tests.resilience.model.auth0_model import serve_auth0
from tests.resilience.model.aws_model import serve_aws
from tests.resilience.model.vault_model import serve_vault
from tests.resilience.model.world import AUTH0, CLOCK, OK, AwsPlace, Outcomes, Request, World, advanced, with_place

READS = frozenset({"read", "metadata", "describe", "page", "get", "probe", "live_secret", "sleep"})
"""The calls that change nothing."""


def serve(world: World, request: Request) -> Outcomes:
    """Return each world that may follow, with the answer."""
    if request.end == CLOCK:
        return ((advanced(world, max(world.clock, request.args[0])), (OK,)),)
    if request.end == AUTH0:
        outcomes = serve_auth0(world.auth0, request, world.clock)
        return tuple((world._replace(auth0=state), answer) for state, answer in outcomes)
    place = world.sinks[request.end]
    if isinstance(place, AwsPlace):
        after, answer = serve_aws(place, request, world.clock)
        return ((world if after is place else with_place(world, request.end, after), answer),)
    changed, answer = serve_vault(place, request, world.clock)
    return ((world if changed is place else with_place(world, request.end, changed), answer),)
