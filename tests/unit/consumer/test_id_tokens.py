"""ID tokens that are signed with the client's secret (HS256), verified by the code that the page shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import jwt
import pytest

from bridge.consumer import ClientSecret
from bridge.operations.retire import retire
from bridge.operations.start import Options
from tests.docs.pages import DOCS, fences
from tests.e2e.taps import Call, Trace, died
from tests.e2e.world import DAY, MakeWorld, World
from tests.unit.consumer.asking import Application
from tests.unit.consumer.test_candidates import Counting, adopted

ISSUER = "https://acme.eu.auth0.com/"
FRESH = timedelta(minutes=5)  # how long keys are cached


(SHOWN,) = [
    fence.text for fence in fences(DOCS / "guide" / "applications.md", "python") if "def claims_of(" in fence.text
]
NAMES: dict[str, Any] = {}
exec(SHOWN, NAMES)  # our own page
claims_of: Callable[[str, ClientSecret, str], dict[str, Any]] = NAMES["claims_of"]


def signed(world: World, value: str, algorithm: str = "HS256", **other: Any) -> str:
    """Sign an ID token as Auth0 does."""
    now = int(time.time())
    claims = {"iss": ISSUER, "aud": world.client_id, "sub": "auth0|4711", "iat": now, "exp": now + 36000}
    return jwt.encode({k: v for k, v in {**claims, **other}.items() if v is not None}, value, algorithm)


def reader(world: World, **options: Any) -> Application:
    (uri,) = world.uris
    made = Application(world, uri, **options)
    world._opened.callback(made.close)
    return made


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    return adopted(make_world(ends="vault"))


def valid(token: str, application: Application) -> bool:
    try:
        return claims_of(token, application.secret, ISSUER)["sub"] == "auth0|4711"
    except jwt.InvalidSignatureError:
        return False


def test_a_token_from_before_the_rotation_is_valid_after_it_and_one_from_after_it_too(world: World) -> None:
    before = signed(world, world.s0)
    assert valid(before, reader(world))
    world.rotate()
    application = reader(world)
    assert valid(before, application)
    assert valid(signed(world, world.live), application)


def test_a_token_is_valid_at_every_moment_of_a_rotation_whichever_secret_auth0_signs_with(world: World) -> None:
    invalid: list[str] = []

    def look(call: Call) -> None:
        if call.changes:
            application = reader(world)
            invalid.extend(
                f"{call}" for value in {world.s0, world.live} if not valid(signed(world, value), application)
            )

    world.rotate(Trace(world.clock, after=look), settle=True)
    assert invalid == []


def test_a_token_that_no_cached_key_fits_is_tried_with_those_of_now(world: World) -> None:
    application = reader(world, max_age=FRESH)
    assert valid(signed(world, world.s0), application)
    found: list[bool] = []

    def look(call: Call) -> None:
        if str(call) == "auth0.set_secret":
            found.append(valid(signed(world, world.live), application))

    world.clock.advance(timedelta(seconds=11))
    world.rotate(Trace(world.clock, after=look))
    assert found == [True]
    world.clock.advance(FRESH)
    assert valid(signed(world, world.live), application)


def test_forged_tokens_have_the_vault_read_every_ten_seconds_at_the_most(make_world: MakeWorld) -> None:
    world = adopted(make_world(ends="vault"))
    with Counting(world) as proxy:
        application = reader(world, environ={**world.environment, "VAULT_ADDR": proxy.url})
        for _ in range(20):
            assert not valid(signed(world, "x" * 64), application)
        asked = len(proxy.asked)
        world.clock.advance(timedelta(seconds=11))
        assert not valid(signed(world, "x" * 64), application)
        assert asked < len(proxy.asked) <= 2 * asked


def test_keys_are_read_once_in_a_while_and_what_was_read_for_a_request_is_not_all_of_them(
    make_world: MakeWorld,
) -> None:
    world = adopted(make_world(ends="vault"))
    with Counting(world) as proxy:
        application = reader(world, environ={**world.environment, "VAULT_ADDR": proxy.url})
        died(world, "auth0.set_secret")
        assert next(iter(application.secret.candidates())).reveal() == world.s0  # current alone was read for that
        keys = application.secret.verification_keys()
        assert [key.reveal() for key in keys] == [world.s0, world.live]
        asked = len(proxy.asked)
        assert application.secret.verification_keys() == keys
        assert len(proxy.asked) == asked
        world.clock.advance(FRESH)
        assert application.secret.verification_keys() == keys
        assert len(proxy.asked) > asked


def test_a_token_from_before_is_invalid_when_the_fallback_is_retired(world: World) -> None:
    before = signed(world, world.s0)
    world.rotate()
    world.clock.advance(DAY * 2)
    retire(world.session(), Options())
    assert not valid(before, reader(world))


def test_a_token_that_was_signed_with_a_leaked_secret_is_invalid(world: World) -> None:
    forged = signed(world, world.s0)
    found: list[bool] = []

    def look(call: Call) -> None:
        if call.end == "auth0" and call.changes:
            found.append(valid(forged, reader(world)))

    world.rotate(Trace(world.clock, after=look), compromised=True, reason="seen", settle=True)
    assert [*found, valid(forged, reader(world))] == [False, False]


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"aud": "another"}, jwt.InvalidAudienceError),
        ({"iss": "https://evil.example/"}, jwt.InvalidIssuerError),
        ({"exp": 1}, jwt.ExpiredSignatureError),
        ({"exp": None}, jwt.MissingRequiredClaimError),
        ({"algorithm": "HS512"}, jwt.InvalidAlgorithmError),
        ({"algorithm": "none", "value": None}, jwt.InvalidAlgorithmError),
        ({"value": "x" * 64}, jwt.InvalidSignatureError),
    ],
    ids=["audience", "issuer", "expired", "for ever", "another algorithm", "unsigned", "another key"],
)
def test_what_is_not_a_token_for_this_client_is_refused(world: World, more: dict[str, Any], error: type) -> None:
    with pytest.raises(error):
        claims_of(signed(world, **{"value": world.s0, **more}), reader(world).secret, ISSUER)
