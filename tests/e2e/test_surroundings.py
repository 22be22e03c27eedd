"""The environment and the files that a command finds: what cannot be used is named, and nothing is changed."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bridge.auth0.transport import Transport
from tests.e2e.command import Ended, execute, invoke, on
from tests.e2e.test_several_clients import write
from tests.e2e.world import MakeWorld, World
from tests.support.bombs import MIB, bomb
from tests.unit.auth0.slow_server import SlowServer, drops, head


def usage(ended: Ended, *fragments: str) -> None:
    assert ended.status == 2, ended.told
    assert "Traceback" not in ended.told
    assert "this should not happen" not in ended.told
    for fragment in fragments:
        assert fragment in ended.err, ended.told


@pytest.mark.parametrize("end", ["\n", "\r\n", "\t", " ", "\ufeff"])
@pytest.mark.parametrize("variable", ["VAULT_TOKEN", "AUTH0_CLIENT_SECRET"])
@pytest.mark.parametrize("verb", ["rotate", "verify", "resume"])
def test_a_credential_with_a_line_break_at_its_end_is_named(
    hasty: World, monkeypatch: pytest.MonkeyPatch, variable: str, end: str, verb: str
) -> None:
    before = hasty.dump()
    right = os.environ[variable]
    monkeypatch.setenv(variable, right + end)
    ended = on(hasty, verb)
    usage(ended, f"env:{variable}: the value ends with ")
    assert right not in ended.told
    assert hasty.dump() == before


@pytest.mark.parametrize(
    ("variable", "text"),
    [("ALL_PROXY", "socks://127.0.0.1:1080"), ("SSL_CERT_FILE", "/none"), ("SSL_CERT_FILE", os.devnull),
     ("SSL_CERT_DIR", "/none")],
)  # fmt: skip
def test_a_variable_for_the_way_to_auth0_is_named(
    hasty: World, monkeypatch: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    before = hasty.dump()
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "::1/128,127.0.0.1")
    monkeypatch.delenv("BRIDGE_PROPAGATION", raising=False)
    monkeypatch.setenv("AUTH0_DOMAIN", "acme.invalid")
    monkeypatch.setenv(variable, text)
    usage(on(hasty, "rotate"), f"{variable}: ", f"unset {variable}")
    assert hasty.dump() == before


@pytest.mark.parametrize("verb", ["status", "rotate", "verify", "doctor", "read", "exec"])
def test_a_configuration_that_others_may_write_to_is_used_only_by_its_name(
    make_hasty: MakeWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    world = make_hasty()
    ran = tmp_path / "ran"
    write(tmp_path, {"billing": world}, f'after = ["touch", "{ran}"]')
    monkeypatch.chdir(tmp_path)
    Path("bridge.toml").chmod(0o666)
    more = ("--", "touch", str(ran)) if verb == "exec" else ()
    usage(invoke(verb, "billing", *more), "bridge.toml is not used", "--config bridge.toml")
    assert not ran.exists()
    assert invoke("status", "billing", "--config", "bridge.toml").status != 2


PIECES = {
    "bomb": lambda: (head(bomb(400 * MIB), "Content-Encoding: gzip"), bomb(400 * MIB)),
    "deep": lambda: (head(b"[" * 200_000), b"[" * 200_000),
    "asks to wait": lambda: (head(b"{}", "Retry-After: 3600", status="503 Service Unavailable"), b"{}"),
}


@pytest.mark.parametrize("sent", PIECES)
def test_a_server_that_answers_so_costs_one_failure(hasty: World, monkeypatch: pytest.MonkeyPatch, sent: str) -> None:
    before = hasty.dump()
    with SlowServer(PIECES[sent]()) as server:
        monkeypatch.setenv("AUTH0_DOMAIN", server.url)
        ended = on(hasty, "rotate")
    assert ended.status == 1, ended.told
    says = {"bomb": "more than 16 MiB", "deep": "not JSON", "asks to wait": "asks to wait 3600 s"}
    assert says[sent] in ended.err
    assert "Nothing was changed" in ended.err
    assert hasty.dump() == before


def test_a_server_that_answers_in_drops_is_given_up(hasty: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Transport.__init__, "__defaults__", (0.3,))
    with SlowServer(drops(head(b"{}") + b"{}"), pause=0.1) as server:
        monkeypatch.setenv("AUTH0_DOMAIN", server.url)
        ended = on(hasty, "rotate")
    assert ended.status == 1, ended.told
    assert "gave no usable answer" in ended.err


LOOK = """
import os, pathlib, sys
pathlib.Path(sys.argv[1]).write_bytes(pathlib.Path(f"/proc/{os.getppid()}/environ").read_bytes())
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="there is nothing to read here")
def test_the_after_command_reads_no_credential_in_its_parents_environment(make_live: MakeWorld, tmp_path: Path) -> None:
    world, seen, program = make_live(), tmp_path / "seen", tmp_path / "look.py"
    program.write_text(LOOK, "utf-8")
    write(tmp_path, {"billing": world}, f'after = ["{sys.executable}", "{program}", "{seen}"]')
    ended = execute(world, "rotate", "billing", "--no-wait", "--yes", home=tmp_path)
    assert ended.status == 0, ended.told
    found = seen.read_text("utf-8")
    assert not [word for word in (world.own.client_secret, world.servers.bao.token) if word in found]
