"""Faults at Auth0."""

from __future__ import annotations

from tests.resilience.faults.between import Fault, answers, cut, drop, first, hang, page, truncate
from tests.resilience.faults.case import (
    AUTH0,
    CLIENT,
    GENERATE,
    LEAK,
    SET,
    TOKEN,
    WAITS,
    Case,
    Do,
    Left,
    in_dashboard,
    rotated,
)
from tests.resilience.faults.run import Run

LIMITED = {"statusCode": 429, "error": "Too Many Requests", "message": "Global limit has been reached"}
EXPIRED = {
    "statusCode": 401, "error": "Unauthorized", "message": "Expired token received for JSON Web Token validation"
}  # fmt: skip
BROKEN = {"statusCode": 503, "error": "Service Unavailable", "message": "Service Unavailable"}
NO_SCOPE = {
    "statusCode": 403, "error": "Forbidden", "message": "Insufficient scope, expected any of: update:client_keys",
    "errorCode": "insufficient_scope",
}  # fmt: skip
REFUSED = {"error": "access_denied", "error_description": "Unauthorized"}
ACCEPTED = {"error": "invalid_grant", "error_description": "Invalid authorization code"}
API_TOKEN = "an-api-token-made-in-the-dashboard"
GENERATED = ("rotate", "--no-wait", "--strategy", "auth0-generated")


def with_api_token(run: Run) -> None:
    """The bridge is given a management token that it cannot renew."""
    give_api_token(run)
    run.patch.setenv("AUTH0_API_TOKEN", API_TOKEN)


def give_api_token(run: Run) -> None:
    run.world.tenant.add_api_token(API_TOKEN, ("update:client_keys", "read:clients", "read:client_keys"))


def end_api_token(between: object) -> None:
    between.servers.auth0.tenant._api_tokens.clear()  # type: ignore[attr-defined]  # the tenant's own


def wrong_own_secret(run: Run) -> None:
    run.patch.setenv("AUTH0_CLIENT_SECRET", "not-the-secret-of-the-bridge")


def right_own_secret(run: Run) -> None:
    run.patch.setenv("AUTH0_CLIENT_SECRET", run.world.own.client_secret)


AGAIN, RESUME, VERIFY, NOTHING = Do.AGAIN, Do.RESUME, Do.VERIFY, Do.NOTHING
READING = (
    Case("auth0-429-retry-after", 0, "rotated in", Left.DONE, NOTHING,
         (Fault(CLIENT, answers(429, LIMITED, Retry_After="2"), count=1),
          Fault(SET, answers(429, LIMITED, Retry_After="2"), count=2)), command=WAITS),
    Case("auth0-429", 0, "rotated in", Left.DONE, NOTHING,
         (Fault(CLIENT, answers(429, LIMITED), count=1), Fault(SET, answers(429, LIMITED), count=2))),
    Case("auth0-429-lasting", 1, "limits the rate of requests (429)", Left.UNTOUCHED, AGAIN,
         (Fault(CLIENT, answers(429, LIMITED)),)),
    Case("auth0-5xx-once", 0, "rotated in", Left.DONE, NOTHING,
         (Fault(CLIENT, answers(503, BROKEN), count=1), Fault(SET, answers(503, BROKEN), count=1))),
    Case("auth0-5xx", 1, "could not answer", Left.UNTOUCHED, AGAIN, (Fault(CLIENT, answers(503, BROKEN)),)),
    Case("auth0-html", 1, "could not answer", Left.UNTOUCHED, AGAIN, (Fault(CLIENT, page()),)),
    Case("auth0-html-200", 1, "something that is not JSON", Left.UNTOUCHED, AGAIN, (Fault(CLIENT, page(200)),)),
    Case("auth0-redirect", 1, "not as Auth0 does", Left.UNTOUCHED, AGAIN,
         (Fault(CLIENT, answers(301, Location="http://127.0.0.1:9/")),)),
    Case("auth0-truncated", 1, "something that is not JSON", Left.UNTOUCHED, AGAIN, (Fault(CLIENT, truncate),)),
    Case("auth0-down", 1, "no usable answer", Left.UNTOUCHED, AGAIN, (Fault(AUTH0, drop(reset=True)),)),
    Case("auth0-timeout", 1, "gave no usable answer", Left.UNTOUCHED, AGAIN, (Fault(CLIENT, hang()),), slow=True),
    Case("auth0-probe-unknown", 1, "did not say whether it accepts", Left.UNTOUCHED, AGAIN,
         (Fault(TOKEN, answers(503, BROKEN), skip=1),)),
    Case("auth0-credentials-refused", 1, "does not accept the bridge's own credentials", Left.UNTOUCHED, AGAIN,
         before=wrong_own_secret, mend=right_own_secret),
    Case("auth0-token-expired", 0, "rotated in", Left.DONE, NOTHING, (Fault(SET, answers(401, EXPIRED), count=1),)),
    Case("auth0-api-token-expired", 1, "the management token", Left.GIVEN_BACK, AGAIN,
         (Fault(SET, first(end_api_token)),), before=with_api_token, mend=give_api_token),
    Case("auth0-scope-lost", 1, "lacks the scope update:client_keys", Left.GIVEN_BACK, AGAIN,
         (Fault(SET, answers(403, NO_SCOPE)),)),
)  # fmt: skip
CHANGING = (
    Case("auth0-429-at-set", 1, "limits the rate of requests (429)", Left.GIVEN_BACK, AGAIN,
         (Fault(SET, answers(429, LIMITED)),)),
    Case("auth0-429-at-set-retry-after", 1, "limits the rate of requests", Left.GIVEN_BACK, AGAIN,
         (Fault(SET, answers(429, LIMITED, Retry_After="3")),)),
    Case("auth0-answer-lost", 0, "rotated in", Left.DONE, NOTHING, (Fault(SET, drop(effect=True), count=1),)),
    Case("auth0-reset-once", 0, "rotated in", Left.DONE, NOTHING, (Fault(SET, drop(reset=True), count=1),)),
    Case("auth0-half-answer", 0, "rotated in", Left.DONE, NOTHING, (Fault(SET, cut, count=1),)),
    Case("auth0-truncated-at-set", 0, "rotated in", Left.DONE, NOTHING, (Fault(SET, truncate, count=1),)),
    Case("auth0-timeout-once", 0, "rotated in", Left.DONE, NOTHING, (Fault(SET, hang(effect=True), count=1),),
         slow=True),
    Case("auth0-5xx-at-set", 3, "could not answer the change", Left.PENDING, RESUME,
         (Fault(SET, answers(503, BROKEN)),)),
    Case("auth0-5xx-after-set", 3, "could not answer the change", Left.PENDING, RESUME,
         (Fault(SET, answers(503, BROKEN, effect=True)),)),
    Case("auth0-html-at-set", 3, "could not answer the change", Left.PENDING, RESUME, (Fault(SET, page()),)),
    Case("auth0-html-200-at-set", 3, "something that is not JSON", Left.PENDING, RESUME, (Fault(SET, page(200)),)),
    Case("auth0-answers-lost", 3, "OLD or the NEW value", Left.PENDING, RESUME, (Fault(SET, drop(effect=True)),)),
    Case("auth0-down-at-set", 3, "gave no usable answer", Left.PENDING, RESUME,
         (Fault(AUTH0, drop(reset=True), skip=3),)),
    Case("auth0-timeout-at-set", 3, "the change of", Left.PENDING, RESUME, (Fault(SET, hang()),), slow=True),
    Case("auth0-scope-lost-after-doubt", 3, "OLD or the NEW value", Left.PENDING, RESUME,
         (Fault(SET, drop(effect=True), count=1), Fault(SET, answers(403, NO_SCOPE)))),
    Case("auth0-generated-answer-lost", 3, "gave no usable answer", Left.GAP, RESUME,
         (Fault(GENERATE, drop(effect=True)),), command=GENERATED),
    Case("auth0-generated-5xx", 3, "could not answer", Left.GAP, RESUME,
         (Fault(GENERATE, answers(503, BROKEN)),), command=GENERATED),
    Case("auth0-generated-429", 1, "limits the rate of requests", Left.GIVEN_BACK, AGAIN,
         (Fault(GENERATE, answers(429, LIMITED)),), command=GENERATED),
)  # fmt: skip
AFTER = (
    Case("auth0-down-after-set", 3, "not verified yet", Left.UNVERIFIED, VERIFY,
         (Fault(AUTH0, drop(), after=SET),), command=WAITS),
    Case("auth0-429-probes", 3, "not verified yet", Left.UNVERIFIED, VERIFY,
         (Fault(TOKEN, answers(429, LIMITED), after=SET),), command=WAITS),
    Case("auth0-slow-to-spread", 3, "not verified yet", Left.UNVERIFIED, VERIFY,
         (Fault(TOKEN, answers(401, REFUSED), after=SET),), command=WAITS),
    Case("auth0-probes-unknown-retire", 1, "did not say", Left.GIVEN_BACK, AGAIN,
         (Fault(TOKEN, answers(503, BROKEN), after=r"aws TagResource"),), command=("retire", "--yes"), scene=rotated,
         changes=0, fallback=None),
    Case("auth0-down-sync", 3, "gave no usable answer", Left.MIXED, RESUME,
         (Fault(AUTH0, drop(), after=r"vault (POST|PUT) /v1/secret/data/apps/[^/]*"),), command=("sync",),
         scene=in_dashboard, changes=0, fallback="current"),
    Case("auth0-answers-lost-rollback", 3, "OLD or the NEW value", Left.PENDING, RESUME,
         (Fault(SET, drop(effect=True)),), command=("rollback",), scene=rotated, changes=0),
    Case("auth0-answers-lost-leak", 3, "OLD or the NEW value", Left.PENDING, RESUME,
         (Fault(SET, drop(effect=True)),), command=LEAK, changes=2, fallback=None),
    Case("auth0-down-leak", 3, "could not be proven", Left.PUBLISHED, RESUME,
         (Fault(AUTH0, drop(), after=SET),), command=LEAK, changes=2, fallback=None),
)  # fmt: skip
CASES = (*READING, *CHANGING, *AFTER)
