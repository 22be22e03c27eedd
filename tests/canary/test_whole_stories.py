"""Configuration files, hooks, signals, the local servers: what a command with options alone does not meet."""

from __future__ import annotations

import base64
import json
import secrets
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.canary.stage import Stage
from tests.contract.harness import admin
from tests.support.proxy import Proxy

LOGIN = {"vault": '{ method = "token", token = "env:THE_TOKEN" }'}


def write_config(stage: Stage, *, auth: str, after: list[str], addr: str, secret: str = '"env:THE_SECRET"') -> str:
    world = stage.world
    lines = [
        *("[tenants.local]", f'domain = "{stage.environ["AUTH0_DOMAIN"]}"', 'client_id = "env:AUTH0_CLIENT_ID"'),
        *(f"client_secret = {secret}", 'propagation = "3s"'),
        *("[vaults.vault]", 'type = "vault"', f'url = "{addr}"', f"auth = {auth}"),
        *("[vaults.aws]", 'type = "aws"', f'endpoint_url = "{stage.environ["AWS_ENDPOINT_URL"]}"'),
        *("[clients.billing]", 'tenant = "local"', f'client_id = "{world.client_id}"', 'fallback_min_age = "0s"'),
        'min_interval = "0s"',
        f"sinks = {json.dumps([place.uri for place in world.sinks])}",
        *([f"after = {json.dumps(after)}"] if after else []),
    ]
    path = stage.directory / "bridge.toml"
    path.write_text("\n".join(lines), encoding="utf-8")
    return str(path)


@pytest.fixture
def named_otherwise(stage: Stage) -> Stage:
    """The bridge's own credentials stand in variables that only the configuration names."""
    stage.environ["THE_SECRET"] = stage.environ.pop("AUTH0_CLIENT_SECRET")
    stage.environ["THE_TOKEN"] = stage.environ.pop("VAULT_TOKEN")
    return stage


def test_a_rotation_with_a_hook_tells_it_no_secret(named_otherwise: Stage, tmp_path: Path) -> None:
    """Neither its arguments nor its environment hold one; what it prints is shown."""
    stage = named_otherwise
    seen = tmp_path / "seen"
    hook = ["sh", "-c", f"env > {seen}; tr '\\0' ' ' < /proc/$$/cmdline >> {seen}; echo restarted; sleep 0.3"]
    config = write_config(stage, auth=LOGIN["vault"], after=hook, addr=stage.environ["VAULT_ADDR"])
    done = stage.run("rotate", "billing", "-v", "--adopt", "--no-wait", "--config", config)
    assert done.status == 0, done.err
    assert "restarted" in done.err
    stage.secrets -= {
        stage.environ["AWS_SECRET_ACCESS_KEY"],
        stage.environ["AWS_SESSION_TOKEN"],
    }  # restarting needs them
    stage.assert_clean(done)
    assert stage.leaks_in(seen.read_text("utf-8"), done) == []
    assert "echo restarted" in done.told["arguments of processes"]  # it was watched
    assert "HOME=" in done.told["environment of children"]


@pytest.fixture
def approle(stage: Stage) -> Iterator[tuple[Stage, str]]:
    """The bridge logs in by AppRole; the token that it is given is known from what passes."""
    root = admin(stage.world.servers.bao)
    if "approle/" not in root.sys.list_auth_methods()["data"]:
        root.sys.enable_auth_method("approle")
    root.sys.create_or_update_policy("canary", 'path "*" { capabilities = ["create", "read", "update", "patch"] }')
    root.auth.approle.create_or_update_approle("canary", token_policies=["canary"], token_ttl="10m")
    role_id = root.auth.approle.read_role_id("canary")["data"]["role_id"]
    secret_id = root.auth.approle.generate_secret_id("canary")["data"]["secret_id"]
    file = stage.directory / "secret_id"
    file.write_text(secret_id, encoding="utf-8")
    stage.environ["ROLE_ID"] = role_id
    stage.environ["THE_SECRET"] = stage.environ["AUTH0_CLIENT_SECRET"]
    stage.secrets |= {secret_id, role_id}

    def passed(_asked: bytes, answered: bytes) -> None:
        told: Any = json.loads(answered or b"{}")
        if token := (told.get("auth") or {}).get("client_token"):
            stage.secrets.add(token)

    with Proxy(stage.environ["VAULT_ADDR"], watch=passed) as proxy:
        login = f'{{ method = "approle", role_id = "env:ROLE_ID", secret_id = "file:{file}" }}'
        yield stage, write_config(stage, auth=login, after=[], addr=proxy.url)


def test_a_login_by_approle_shows_no_secret(approle: tuple[Stage, str]) -> None:
    stage, config = approle
    before = len(stage.secrets)
    done = stage.run("adopt", "billing", "-v", "--yes", "--config", config)
    assert done.status == 0, done.err
    assert len(stage.secrets) > before  # the token that it was given
    stage.assert_clean(done)


def test_a_refused_login_by_approle_shows_no_secret(approle: tuple[Stage, str]) -> None:
    stage, config = approle
    wrong = secrets.token_hex(20)
    (stage.directory / "secret_id").write_text(wrong, encoding="utf-8")
    stage.secrets.add(wrong)
    done = stage.run("rotate", "billing", "-v", "--config", config)
    assert done.status == 1, done.err
    stage.assert_clean(done)


def test_a_retirement_shows_no_secret(named_otherwise: Stage) -> None:
    stage = named_otherwise
    stage.prepare(lambda _: stage.world.rotate(adopt=True))
    config = write_config(stage, auth=LOGIN["vault"], after=[], addr=stage.environ["VAULT_ADDR"])
    time.sleep(1)  # Vault's clock counts whole seconds: until then the fallback is "0 s left" too young
    done = stage.run("retire", "billing", "-v", "--yes", "--config", config)
    assert done.status == 0, done.err
    stage.assert_clean(done)


@pytest.mark.parametrize("what", ["client_secret", "a line that is no TOML", "a token in the wrong table"])
def test_a_secret_that_somebody_wrote_into_the_configuration_is_not_shown(named_otherwise: Stage, what: str) -> None:
    stage = named_otherwise
    text = stage.environ["THE_SECRET"]
    config = Path(
        write_config(stage, auth=LOGIN["vault"], after=[], addr=stage.environ["VAULT_ADDR"], secret=json.dumps(text))
    )
    if what == "a line that is no TOML":
        config.write_text(f"{config.read_text('utf-8')}\nclient_secret = {text}\n", encoding="utf-8")
    if what == "a token in the wrong table":
        config.write_text(f"{config.read_text('utf-8')}\ntoken = {text!r}\n", encoding="utf-8")
    for command in (("rotate", "billing"), ("status",), ("resume", "--all")):
        done = stage.run(*command, "-v", "--config", str(config))
        assert done.status == 2, done.err
        stage.assert_clean(done)


def test_reading_shows_the_value_on_stdout_and_nothing_else_anywhere(stage: Stage) -> None:
    stage.prepare(lambda _: stage.world.rotate(adopt=True))
    for said, value in (("current", stage.world.live), ("fallback", stage.world.s0)):
        done = stage.on_client("read", "--stage", said)
        assert (done.status, done.out) == (0, value), done.err
        stage.assert_clean(done, shown=value)


def test_a_first_configuration_and_the_help_hold_no_secret(stage: Stage) -> None:
    commands = ["rotate", "resume", "adopt", "forget", "retire", "status", "verify", "history", "read", "init"]
    for argv in (["init", stage.world.client_id, "--sink", stage.world.vault.uri], ["--help"], ["--version"]):
        done = stage.run(*argv)
        assert done.status == 0, done.err
        stage.assert_clean(done)
    done = stage.run(commands[secrets.randbelow(len(commands))], "--help")
    assert done.status == 0, done.err
    stage.assert_clean(done)


@pytest.mark.parametrize(
    ("number", "word", "status"),
    [(signal.SIGTERM, "check ", (1, 0, 3)), (signal.SIGINT, "promote ", (0,)), (signal.SIGKILL, "set ", (-9,))],
    ids=["SIGTERM at once", "Ctrl-C while it settles", "SIGKILL after Auth0 was asked"],
)
def test_an_interrupted_command_shows_no_secret(
    stage: Stage, number: signal.Signals, word: str, status: tuple[int, ...]
) -> None:
    done = stage.on_client("rotate", "--adopt", send={word: number})
    assert done.status in status, done.err
    stage.assert_clean(done)


def test_the_libraries_never_log_what_passes_even_when_asked_to_be_talkative(stage: Stage) -> None:
    """At that level they print requests, headers and bodies."""
    levels = stage.directory / "levels"
    at_the_end = f"""
        import atexit, json, logging

        def _levels():
            names = [*logging.root.manager.loggerDict, ""]
            loggers = {{name: logging.getLogger(name) for name in names}}
            told = {{name: [one.getEffectiveLevel(), len(one.handlers)] for name, one in loggers.items()}}
            open({str(levels)!r}, "w").write(json.dumps(told))

        atexit.register(_levels)
    """
    done = stage.on_client("rotate", "--adopt", "--no-wait", crash=at_the_end)
    assert done.status == 0, done.err
    told = json.loads(levels.read_text("utf-8"))
    assert {"httpx", "httpcore.connection", "urllib3", "botocore.endpoint"} <= told.keys()
    assert told["bridge"][0] == told["sinks"][0] == 10
    talkative = {name for name, (level, _) in told.items() if level < 30}
    assert {name.partition(".")[0] for name in talkative} == {"bridge", "sinks"}
    assert told[""] == [30, 0]  # the root logger: as it is when nobody touches it


def test_the_demo_shows_no_secret(stage: Stage) -> None:
    done = stage.run("demo")
    assert done.status == 0, done.out + done.err
    assert len(done.noted) >= 5
    stage.assert_clean(done, besides="environment of children")  # the local Vault is told its root token


def test_the_sandbox_writes_its_secrets_into_one_file_for_its_owner_only(stage: Stage, tmp_path: Path) -> None:
    directory = tmp_path / "sandbox"
    done = stage.run("sandbox", "--directory", str(directory), send={"Ctrl-C ends it": signal.SIGTERM})
    assert done.status == 0, done.err
    variables = directory / "sandbox.env"
    assert variables.stat().st_mode & 0o777 == 0o600
    exported = dict(line.removeprefix("export ").split("=", 1) for line in variables.read_text("utf-8").splitlines())
    stage.secrets |= {exported["AUTH0_CLIENT_SECRET"], exported["VAULT_TOKEN"]}
    stage.assert_clean(done, besides="environment of children")  # the local Vault is told its root token
    assert stage.leaks_in((directory / "bridge.toml").read_text("utf-8"), done) == []


@pytest.mark.parametrize("where", ["stdout", "stderr", "files", "arguments", "environment"])
def test_what_is_looked_for_would_be_found(stage: Stage, where: str) -> None:
    """A leak is planted in each sink, disguised; the search must not overlook it."""
    text = stage.world.s0
    hidden = base64.b64encode(text.encode()).decode()
    planted = {
        "stdout": f"print({hidden!r})",
        "stderr": f"import sys; print({text[20:34]!r}, file=sys.stderr)",
        "files": f"import os; open(os.path.join(os.environ['TMPDIR'], 'x'), 'w').write({text[3:17]!r})",
        "arguments": f"import subprocess; subprocess.run(['sh', '-c', 'sleep 0.4', {text!r}])",
        "environment": f"import subprocess; subprocess.run(['/bin/sleep', '0.4'], env=dict(X={text!r}))",
    }[where]
    done = stage.run("--version", crash=planted)
    with pytest.raises(AssertionError, match=where):
        stage.assert_clean(done)


def test_a_credential_that_is_read_from_a_vault_of_the_file_is_told_nowhere(named_otherwise: Stage) -> None:
    stage, own = named_otherwise, named_otherwise.environ.pop("THE_SECRET")
    root = admin(stage.world.servers.bao)
    root.secrets.kv.v2.create_or_update_secret(f"own-{stage.world.vault.path}", {"own": own}, mount_point="secret")
    stage.secrets.add(own)
    secret = f'"vault://secret/own-{stage.world.vault.path}#own"'
    config = write_config(stage, auth=LOGIN["vault"], after=[], addr=stage.environ["VAULT_ADDR"], secret=secret)
    for command in ("rotate", "verify"):
        done = stage.run(
            command, "billing", *(["--adopt", "--no-wait"] if command == "rotate" else []), "--config", config
        )
        assert done.status in (0, 5), done.err
        stage.assert_clean(done)
