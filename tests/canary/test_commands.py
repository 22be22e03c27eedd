"""No command shows a secret, however it ends."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from tests.canary.stage import Stage

DEAD = "http://127.0.0.1:9"  # nobody listens there


def adopted(stage: Stage) -> None:
    stage.world.adopt()


def rotated(stage: Stage) -> None:
    stage.world.rotate(adopt=True)


def nothing(stage: Stage) -> None:
    """The sinks are as somebody else left them."""


def drifted(stage: Stage) -> None:
    adopted(stage)
    for place in stage.world.sinks:
        place.edit("client_secret", secrets.token_urlsafe(48))
    stage.secrets |= {place.see().current or "" for place in stage.world.sinks}


def dashboard(stage: Stage) -> None:
    """Somebody pressed Rotate in Auth0's dashboard."""
    rotated(stage)
    stage.world.tenant.set_in_dashboard(stage.world.client_id)
    stage.world.spread()


def pending(stage: Stage) -> None:
    """A rotation is interrupted after Auth0 was asked and before anything was published; it counts as live for 60 s."""
    die = crash("bridge.auth0.management:Management.set_secret", after=True)
    done = stage.on_client("rotate", "--adopt", "--no-wait", crash=die, BRIDGE_PROPAGATION="30s")
    assert done.status == 3, done.err
    stage.secrets |= done.noted


def fault(kind: str, method: str, **rule: object) -> Callable[[Stage], None]:
    """Have Auth0 behave strangely towards this client."""

    def prepare(stage: Stage) -> None:
        rule.setdefault("path", stage.world.client_id if method != "POST" else "")
        stage.world.tenant.fault(kind, method=method, **rule)

    return prepare


def scopes(*granted: str) -> Callable[[Stage], None]:
    def prepare(stage: Stage) -> None:
        world = stage.world
        world.tenant.client(world.own.client_id).grants[world.tenant.audience] = granted

    return prepare


def unreadable(stage: Stage) -> None:
    """Somebody pressed Rotate in Auth0's dashboard, and nobody may read what Auth0 holds."""
    dashboard(stage)
    scopes("read:clients", "update:client_keys")(stage)


def logged(stage: Stage) -> None:
    """Somebody pressed Rotate in Auth0's dashboard, and the bridge may read the log."""
    dashboard(stage)
    scopes("read:clients", "read:client_keys", "read:logs")(stage)


def foreign(stage: Stage) -> None:
    """Somebody else's text stands where the lock belongs; it holds a value of theirs."""
    rotated(stage)
    text = secrets.token_urlsafe(48)
    stage.world.vault.kv.create_or_update_secret(f"{stage.world.vault.path}/pending", {"client_secret": text})
    stage.secrets.add(text)


def gone(stage: Stage) -> None:
    """The application was deleted at Auth0."""
    del stage.world.tenant._clients[stage.world.client_id]


def crash(where: str, *, after: bool = False, kind: str = "RuntimeError") -> str:
    """Return Python that makes a call end with an exception that tells all of its arguments."""
    module, _, name = where.partition(":")
    cls, _, method = name.partition(".")
    return f"""
        import {module} as _module

        _real = _module.{name}

        def _reveal(value):
            shown = getattr(value, "reveal_text", None) or getattr(value, "reveal", None)
            return shown() if shown else repr(value)

        def _crash(*args, **more):
            if {after}:
                _real(*args, **more)
            raise {kind}(" ".join(_reveal(value) for value in [*args, *more.values()]))

        _module.{cls}.{method} = _crash
    """


@dataclass(frozen=True)
class Case:
    """A command, what happens before, and the exit statuses that it may end with."""

    argv: tuple[str, ...]
    status: int
    before: Callable[[Stage], None] = nothing
    environ: dict[str, str | None] = field(default_factory=dict)
    crash: str = ""
    stdin: Callable[[Stage], str] = lambda _stage: ""


PIPED = secrets.token_urlsafe(48)
LEAKED = ("--compromised", "--reason", "seen on a screen", "--yes")
ROTATE = ("rotate", "--adopt", "--no-wait")
CHANGING = ("rotate", "resume", "rollback", "sync", "adopt", "forget", "retire")

GOOD = {
    "adopt": Case(("adopt", "--yes"), 0),
    "adopt, planned": Case(("adopt", "--dry-run"), 0),
    "adopt, piped": Case(("adopt", "--yes", "--secret-stdin"), 0, stdin=lambda stage: stage.world.s0),
    "adopt --repair": Case(("adopt", "--yes", "--repair"), 0, drifted),
    "rotate": Case(("rotate", "--adopt"), 0),
    "rotate as JSON": Case((*ROTATE, "--json"), 0),
    "rotate, planned": Case(("rotate", "--adopt", "--dry-run"), 0),
    "rotate by Auth0": Case((*ROTATE, "--strategy", "auth0-generated"), 0),
    "resume": Case(("resume", "--takeover", "--no-wait"), 0, pending),
    "resume, nothing to do": Case(("resume",), 0, adopted),
    "status": Case(("status", "--check"), 0, rotated),
    "status as JSON": Case(("status", "--json"), 0, rotated),
    "report": Case(("report",), 0, rotated),
    "report as CSV": Case(("report", "--csv"), 0, rotated),
    "report as JSON": Case(("report", "--json", "--output", "report.json"), 0, rotated),
    "report as metrics": Case(("report", "--prometheus"), 0, rotated),
    "verify": Case(("verify",), 0, rotated),
    "history": Case(("history",), 0, rotated),
    "watch": Case(("watch", "--once"), 5, logged),
    "watch as JSON": Case(("watch", "--once", "--json"), 5, logged),
    "doctor": Case(("doctor",), 0, rotated),
    "doctor as JSON": Case(("doctor", "--json", "--role", "security"), 0, rotated),
    "forget": Case(("forget",), 0, adopted),
    "rotate, piped": Case(("rotate", "--adopt", "--no-wait", "--secret-stdin"), 0, stdin=lambda _: PIPED),
    "rotate --compromised": Case(("rotate", *LEAKED), 0, rotated),
    "rollback": Case(("rollback", "--no-wait"), 0, rotated),
    "rollback --discard": Case(("rollback", "--discard", "--yes"), 0, rotated),
    "sync": Case(("sync",), 0, dashboard),
    "sync, piped": Case(("sync", "--secret-stdin"), 0, dashboard, stdin=lambda stage: stage.world.live),
    "sync --compromised": Case(("sync", *LEAKED), 0, dashboard),
    "drifted": Case(("rotate", "--no-wait"), 0, drifted),
    "changed in the dashboard": Case(("rotate", "--no-wait"), 0, dashboard),
    "resume, changed in the dashboard": Case(("resume", "--no-wait"), 0, dashboard),
    "resume --discard-foreign": Case(("resume", "--discard-foreign", "--yes", "--no-wait"), 0, foreign),
}

REFUSED = {
    "a key that is not there": Case(("adopt", "--yes", "--key", "auth0_secret"), 4),
    "a key that is not there any more": Case(("rotate", "--key", "auth0_secret"), 4, adopted),
    "not adopted": Case(("rotate",), 4),
    "drifted": Case(("retire", "--yes"), 4, drifted),
    "drifted, as metadata shows it": Case(("status", "--check"), 0, drifted),
    "drifted, asked": Case(("verify",), 5, drifted),
    "retired too early": Case(("retire", "--yes"), 4, rotated),
    "without consent": Case(("adopt",), 4),
    "the wrong value piped": Case(("adopt", "--yes", "--secret-stdin"), 4, stdin=lambda _: "s" * 64),
    "held by somebody": Case(("rotate",), 4, pending),
    "retiring what is held": Case(("retire", "--yes"), 4, pending),
    "a weak value piped": Case((*ROTATE, "--secret-stdin"), 2, stdin=lambda _: "hunter2-" * 3),
    "the live value piped as the new one": Case((*ROTATE, "--secret-stdin"), 2, stdin=lambda stage: stage.world.live),
    "a value piped that is not live": Case(("sync", "--secret-stdin"), 4, dashboard, stdin=lambda _: PIPED),
    "changed in the dashboard, and unreadable": Case(("rotate",), 1, unreadable),
    "resume, changed in the dashboard, and unreadable": Case(("resume",), 1, unreadable),
    "somebody else's text in the way": Case(("rotate",), 4, foreign),
    "discarding it without consent": Case(("resume", "--discard-foreign"), 4, foreign),
    "nothing to roll back to": Case(("rollback",), 4, adopted),
    "a leak without consent": Case(("rotate", "--compromised", "--reason", "seen"), 4, adopted),
    "no such option": Case(("rotate", "--client-secret"), 2),
    "an unknown stage": Case(("read", "--stage", "next"), 2),
    "nothing at a stage": Case(("read", "--stage", "fallback"), 4, adopted),
}

TOKEN, LINES = secrets.token_hex(24), f"s.{'t' * 12}\nx-{'u' * 12}"
NO_KEY: dict[str, str | None] = {"AUTH0_CLIENT_SECRET": None, "AUTH0_CLIENT_ASSERTION_PRIVATE_KEY": "k" * 40}
NO_LOGIN: dict[str, str | None] = {"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}

WRONG = {
    "Vault: wrong token": Case(ROTATE, 1, environ={"VAULT_TOKEN": f"s.{TOKEN}"}),
    "Vault: a token with a line break": Case(ROTATE, 2, environ={"VAULT_TOKEN": LINES}),
    "Vault: no token": Case(("status",), 1, environ={"VAULT_TOKEN": None}),
    "Vault: unreachable": Case(ROTATE, 1, environ={"VAULT_ADDR": DEAD}),
    "Vault: unreachable, for doctor": Case(("doctor",), 5, environ={"VAULT_ADDR": DEAD}),
    "Auth0: wrong secret, for doctor": Case(("doctor",), 5, environ={"AUTH0_CLIENT_SECRET": TOKEN}),
    "Vault: a password in the address": Case(ROTATE, 2, environ={"VAULT_ADDR": f"http://user:{TOKEN}@127.0.0.1:9"}),
    "AWS: unreachable": Case(ROTATE, 1, environ={"AWS_ENDPOINT_URL": DEAD}),
    "AWS: no credentials": Case(("status",), 1, environ=NO_LOGIN),
    "Auth0: wrong secret": Case(ROTATE, 1, environ={"AUTH0_CLIENT_SECRET": TOKEN}),
    "Auth0: wrong token": Case(ROTATE, 1, environ={"AUTH0_API_TOKEN": TOKEN}),
    "Auth0: a token with a line break": Case(ROTATE, 2, environ={"AUTH0_API_TOKEN": LINES}),
    "Auth0: a key that is none": Case(ROTATE, 2, environ=NO_KEY),
    "Auth0: unreachable": Case(ROTATE, 1, environ={"AUTH0_DOMAIN": DEAD}),
    "Auth0: a password in the address": Case(ROTATE, 2, environ={"AUTH0_DOMAIN": f"http://user:{TOKEN}@127.0.0.1"}),
    "Auth0: no right to read": Case(ROTATE, 1, scopes("update:client_keys")),
    "Auth0: no right to change": Case(ROTATE, 1, scopes("read:clients")),
    "Auth0: no such client": Case(ROTATE, 1, gone),
}

STRANGE = {
    "a page instead of an application": Case(ROTATE, 1, fault("html", "GET", count=9)),
    "a redirect": Case(ROTATE, 1, fault("redirect", "GET")),
    "half an application": Case(("verify",), 1, fault("truncated", "GET", count=9)),
    "429": Case(ROTATE, 0, fault("limited", "PATCH", retry_after=timedelta(seconds=1))),
    "half an answer to the change": Case(ROTATE, 0, fault("truncated", "PATCH")),
    "no answer to the change": Case(ROTATE, 0, fault("lost", "PATCH")),
    "5xx after each change": Case(ROTATE, 3, fault("error-after", "PATCH", count=99)),
    "half of what Auth0 generated": Case(
        (*ROTATE, "--strategy", "auth0-generated"), 3, fault("truncated", "POST", path="rotate-secret")
    ),
    "an expired token": Case(ROTATE, 0, fault("expired", "PATCH")),
    "no management token": Case(ROTATE, 1, fault("html", "POST", path="oauth/token", count=99)),
}

CRASHES = {
    f"{where.rpartition('.')[2]} {'after' if after else 'before'}, {kind}": Case(
        argv, 3, crash=crash(where, after=after, kind=kind)
    )
    for where, after, kind, argv in (
        ("sinks.vault.api:Kv.write", False, "RuntimeError", ROTATE),
        ("sinks.vault.api:Kv.write", True, "ValueError", (*ROTATE, "--json")),
        ("sinks.vault.api:Kv.read", False, "KeyError", ("verify",)),
        ("sinks.aws.api:Api.put", False, "UnicodeError", ROTATE),
        ("sinks.aws.api:Api.put", True, "KeyboardInterrupt", ROTATE),
        ("bridge.auth0.management:Management.set_secret", True, "MemoryError", ROTATE),
        ("bridge.auth0.api:Auth0.probe", False, "TypeError", ROTATE),
        ("sinks.vault.sink:VaultSink.promote", False, "RecursionError", ROTATE),
    )
}


def check(stage: Stage, case: Case) -> None:
    stage.prepare(case.before)
    stage.secrets |= {text for name, text in case.environ.items() if text and name != "AUTH0_DOMAIN" and text != DEAD}
    stdin = case.stdin(stage)
    stage.secrets |= {stdin} - {""}
    done = stage.on_client(*case.argv, stdin=stdin, crash=case.crash, **case.environ)
    assert done.status == case.status, done.out + done.err
    assert "Traceback" not in done.err
    if case.argv[0] in CHANGING and "--dry-run" not in case.argv and done.status != 2:
        assert '"event":"begin"' in done.told["files"]  # the record is looked through, too
    stage.assert_clean(done)


@pytest.mark.parametrize("case", GOOD.values(), ids=GOOD)
def test_a_command_that_succeeds_shows_no_secret(stage: Stage, case: Case) -> None:
    check(stage, case)


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_a_command_that_is_refused_shows_no_secret(stage: Stage, case: Case) -> None:
    check(stage, case)


@pytest.mark.parametrize("case", WRONG.values(), ids=WRONG)
def test_a_command_with_wrong_settings_shows_no_secret(stage: Stage, case: Case) -> None:
    check(stage, case)


@pytest.mark.parametrize("case", STRANGE.values(), ids=STRANGE)
def test_a_command_that_gets_strange_answers_shows_no_secret(stage: Stage, case: Case) -> None:
    check(stage, case)


@pytest.mark.parametrize("case", CRASHES.values(), ids=CRASHES)
def test_a_bug_in_the_middle_of_a_command_shows_no_secret_even_when_its_exception_does(
    stage: Stage, case: Case
) -> None:
    check(stage, case)


def test_what_tells_the_versions_shows_no_secret_of_its_environment(stage: Stage) -> None:
    for words in (("version",), ("version", "--json")):
        done = stage.run(*words)
        assert done.status == 0, done.err
        stage.assert_clean(done)
