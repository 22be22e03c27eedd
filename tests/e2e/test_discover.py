"""discover: rules, the applications of real tenants, and the file that is written."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Any

import hvac
import pytest

from bridge.sandbox.auth0 import LocalAuth0
from bridge.sandbox.openbao import OpenBao
from tests.e2e.command import ROOT, Ended, done, invoke

CONFIG = """\
[tenants.eu]
domain = "{eu}"
client_id = "env:OWN_ID"
client_secret = "env:OWN_SECRET"
propagation = "1s"

[tenants.us]
domain = "{us}"
api_token = "env:US_TOKEN"

[vaults.kv]
type = "vault"
url = "{vault}"
auth = {{ method = "token", token = "env:VAULT_TOKEN" }}

[clients.special]                # by hand
tenant = "eu"
client_id = "Special1"
sinks = ["kv://secret/{unique}/special"]

[[rules]]
tenant = "eu"
match = "web-*"
exclude = ["web-legacy", "*-test"]
app_type = ["regular_web"]
sinks = ["kv://secret/{unique}/{{name}}"]
owner = "{{metadata.team}}"
max_age = "30d"

[[rules]]
tenant = "eu"
metadata = {{ rotate = "bridge" }}
sinks = ["kv://secret/{unique}/{{metadata.team}}/{{name}}"]

[[rules]]
tenant = "us"
match = "*"
name = "us-{{application}}"
sinks = ["kv://secret/{unique}/us/{{application}}"]

[discover]
file = "clients.toml"
"""


class Place:
    """A directory with a configuration, two tenants, and a vault."""

    def __init__(self, directory: Path, eu: LocalAuth0, us: LocalAuth0, bao: OpenBao, unique: str) -> None:
        self.directory, self.eu, self.us, self.bao, self.unique = directory, eu.tenant, us.tenant, bao, unique
        self.config, self.clients = directory / "bridge.toml", directory / "clients.toml"
        self.text = CONFIG.format(eu=eu.url, us=us.url, vault=bao.url, unique=unique)
        self.config.write_text(self.text, "utf-8")

    def add(self, client_id: str, name: str, **more: Any) -> None:
        more.setdefault("kind", "web")
        more.setdefault("client_metadata", {"team": "a"})
        self.eu.add_client(client_id, name=name, **more)

    @property
    def written(self) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = tomllib.loads(self.clients.read_text("utf-8"))["clients"]
        return found


@pytest.fixture
def place(tmp_path: Path, bao: OpenBao, unique: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with ExitStack() as stack:
        eu, us = (stack.enter_context(LocalAuth0(random=Random(7))) for _ in range(2))
        own = eu.tenant.add_management_client(
            ("read:clients", "update:client_keys", "read:client_keys"), "Own1", name="o"
        )
        us.tenant.add_api_token("us-token", ["read:clients"])
        monkeypatch.setenv("OWN_ID", own.client_id)
        monkeypatch.setenv("OWN_SECRET", own.client_secret)
        monkeypatch.setenv("US_TOKEN", "us-token")
        monkeypatch.setenv("VAULT_TOKEN", bao.token)
        monkeypatch.chdir(tmp_path)
        eu.tenant.add_client("Special1", name="web-special", kind="web")
        yield Place(tmp_path, eu, us, bao, unique)


def states(ended: Ended) -> dict[str, str]:
    return {one["client_id"]: one["state"] for one in ended.objects if "state" in one}


def why(ended: Ended, client_id: str) -> str:
    return next(str(one["message"]) for one in ended.objects if one.get("client_id") == client_id)


def test_what_rules_pick_is_shown_then_written_and_then_there_is_nothing_to_do(place: Place) -> None:
    for n in range(120):
        place.add(f"W{n}", f"web-{n}")
        place.us.add_client(f"U{n}", name=f"web-{n}", kind="web")
    place.add("Batch", "Batch (EU)", kind="machine", client_metadata={"rotate": "bridge", "team": "b"})
    shown = done(invoke("discover"), 5)
    assert f"new       web-7 (W7, eu)\n            kv://secret/{place.unique}/web-7\n" in shown.out
    assert (
        f'new       batch-eu "Batch (EU)" (Batch, eu)\n            kv://secret/{place.unique}/b/batch-eu\n' in shown.out
    )
    assert shown.out.endswith(
        "241 new, 1 managed, 1 that no rule picks. Nothing was written: secret-bridge discover --write does.\n"
    )
    assert not place.clients.exists()
    assert "there is no file clients.toml" in done(invoke("status"), 2).err
    assert done(invoke("discover", "--write")).out.endswith("Written: clients.toml.\n")
    assert len(place.written) == 241
    assert place.written["web-7"] == {
        "tenant": "eu",
        "client_id": "W7",
        "sinks": [f"kv://secret/{place.unique}/web-7"],
        "owner": "a",
        "max_age": "30d",
    }
    assert place.written["us-web-7"]["sinks"] == [f"kv://secret/{place.unique}/us/web-7"]
    before = place.clients.read_bytes()
    for options in ((), ("--write",), ("--write", "--prune")):
        again = done(invoke("discover", *options))
        assert again.out == "242 managed, 1 that no rule picks. Nothing was written: nothing to write.\n"
    assert place.clients.read_bytes() == before
    assert place.config.read_text("utf-8") == place.text
    assert {request.method for request in (*place.eu.requests, *place.us.requests)} == {"GET", "POST"}
    assert {request.path for request in place.us.requests} == {"/api/v2/clients"}


def test_what_was_written_is_rotated_when_it_is_due(place: Place) -> None:
    place.config.write_text(place.text.replace('max_age = "30d"', 'max_age = "0s"'), "utf-8")
    place.add("W1", "web-1")
    done(invoke("discover", "--write"))
    vault = hvac.Client(url=place.bao.url, token=place.bao.token)
    value = {"client_secret": place.eu.secret("W1")}
    vault.secrets.kv.v2.create_or_update_secret(f"{place.unique}/web-1", value)
    done(invoke("adopt", "web-1", "--yes"))
    time.sleep(1.1)  # older than 0 seconds, by the vault's clock
    assert "web-1" in done(invoke("rotate", "--due", "--match", "web-*", "--dry-run")).told
    planned = done(invoke("rotate", "W1", "--dry-run", "--again", "--json")).objects[0]
    assert (planned["client"], planned["result"]) == ("web-1", "planned")
    assert done(invoke("status", "web-1", "--json")).objects[0]["owner"] == "a"


def test_hostile_names_reach_no_path_and_no_terminal(place: Place) -> None:
    names = {
        "H1": "web-../../admin", "H2": "web-a/b", "H3": "web-a#other", "H4": "web-\x1b[31m", "H5": "web-\n[clients.x]",
        "H6": "web-a?bare", "H7": "web-{name}", "H8": "web-\u202eabc", "H9": "web-" + "a" * 70, "H10": "web-%2e%2e",
        "H11": "web-a..b", "H12": 'web-"', "H13": "web-\\x", "H14": "web-ä",
    }  # fmt: skip
    for client_id, name in names.items():
        place.add(client_id, name)
    place.add("pends", "web-1")
    place.add("W2", "web-2", client_metadata={"team": "x\ny"})
    place.add("W3", "batch", client_metadata={"rotate": "bridge", "team": "../b"})
    place.add("Kind-1", "web-ok")
    ended = done(invoke("discover", "--json"), 5)
    found = states(ended)
    assert {client_id: found[client_id] for client_id in (*names, "W2", "W3")} == dict.fromkeys(
        (*names, "W2", "W3"), "skipped"
    )
    assert found["Kind-1"] == "new"
    assert "'web-a..b'" in why(ended, "H11")
    assert "more than 64 characters" in why(ended, "H9")
    told = done(invoke("discover", "--write"), 5)
    assert all(each.isprintable() for each in told.out.replace("\n", ""))
    assert set(place.written) == {"web-1", "web-ok"}


def test_what_no_rotation_would_take_is_skipped_and_needs_no_attention(place: Place) -> None:
    place.config.write_text(place.text.replace('app_type = ["regular_web"]\n', ""), "utf-8")
    place.add("N", "web-native", kind="native")
    place.add("P", "web-public", kind="none")
    place.add("K", "web-keyed", kind="private_key_jwt")
    place.add("H", "web-hs", kind="hs256")
    place.add("L", "web-legacy")
    place.eu.add_client("G", kind="global", name="web-global")
    place.eu.update("Own1", {"name": "web-own"}, "test")
    ended = done(invoke("discover", "--json"))
    found = states(ended)
    assert found == {
        "N": "skipped", "P": "skipped", "K": "skipped", "H": "skipped", "Own1": "skipped", "L": "ignored",
        "Special1": "managed",
    }  # fmt: skip
    assert "private_key_jwt" in why(ended, "K")
    assert "the bridge itself acts as" in why(ended, "Own1")


def test_what_is_gone_stays_until_it_is_pruned(place: Place) -> None:
    place.add("W1", "web-1")
    place.add("W2", "web-2")
    place.add("W3", "web-3")
    done(invoke("discover", "--write"))
    del place.eu._clients["W1"], place.eu._clients["Special1"]
    place.eu.update("W2", {"name": "other"}, "test")
    ended = done(invoke("discover", "--write", "--json"), 5)
    assert states(ended) == {"W1": "gone", "Special1": "gone", "W2": "unpicked", "W3": "managed", "Own1": "ignored"}
    assert set(place.written) == {"web-1", "web-2", "web-3"}
    told = done(invoke("discover", "--write", "--prune"), 5).out
    assert "special (Special1, eu): its tenant has no such application; it stands in bridge.toml: take it out" in told
    assert set(place.written) == {"web-3"}


def test_a_renamed_application_keeps_its_name_and_its_sinks(place: Place) -> None:
    place.add("W1", "web-1")
    done(invoke("discover", "--write"))
    place.eu.update("W1", {"name": "web-renamed"}, "test")
    assert states(done(invoke("discover", "--json")))["W1"] == "managed"
    place.add("W2", "web-1")
    assert "clients.web-1, as another client is" in why(done(invoke("discover", "--json"), 5), "W2")


def test_a_changed_rule_is_shown_by_its_keys_and_written(place: Place) -> None:
    place.add("W1", "web-1")
    done(invoke("discover", "--write"))
    place.config.write_text(place.text.replace('max_age = "30d"', 'max_age = "60d"\nevidence = "require"'), "utf-8")
    place.clients.chmod(0o640)
    assert "changed   web-1 (W1, eu): max_age, evidence\n" in done(invoke("discover"), 5).out
    done(invoke("discover", "--write"))
    assert (place.written["web-1"]["max_age"], place.clients.stat().st_mode & 0o777) == ("60d", 0o640)


def test_two_clients_of_one_sink_are_an_error_that_names_both(place: Place) -> None:
    place.config.write_text(place.text.replace("{unique}/{{name}}", "").replace(
        f"kv://secret/{place.unique}/{{name}}", f"kv://secret/{place.unique}/{{metadata.team}}"
    ), "utf-8")  # fmt: skip
    place.add("W1", "web-1")
    place.add("W2", "web-2")
    place.add("W3", "web-3", client_metadata={"team": "special"})
    place.add("W4", "web-4", client_metadata={"team": "c"})
    ended = done(invoke("discover", "--write"), 2)
    assert "collision web-1 (W1, eu): it would have a sink in common with clients.web-2\n" in ended.out
    assert "collision web-2 (W2, eu): it would have a sink in common with clients.web-1\n" in ended.out
    assert "collision web-3 (W3, eu): it would have a sink in common with clients.special\n" in ended.out
    assert not place.clients.exists()


def test_the_lock_of_another_client_is_no_sink(place: Place) -> None:
    text = place.text.replace("{metadata.team}/{name}", "{metadata.team}/{application}")
    place.config.write_text(text, "utf-8")
    place.add("W1", "web-1")
    place.add("W2", "pending", client_metadata={"rotate": "bridge", "team": "web-1"})
    ended = done(invoke("discover", "--json"), 2)
    assert states(ended)["W2"] == states(ended)["W1"] == "collision"


def test_a_tenant_that_does_not_answer_costs_the_others_nothing(place: Place) -> None:
    place.us.add_client("U1", name="web-1", kind="web")
    done(invoke("discover", "--write"))
    place.add("W1", "web-1")
    place.us._api_tokens.clear()
    ended = done(invoke("discover", "--write"), 1)
    assert "the credential comes from US_TOKEN" in ended.err
    assert "1 new, 1 managed, 1 that no rule picks, 1 not asked. Written: clients.toml.\n" in ended.out
    assert set(place.written) == {"us-web-1", "web-1"}
    objects = done(invoke("discover", "--json"), 1).objects
    assert [(one["tenant"], one["result"]) for one in objects if "result" in one] == [("us", "failed")]
    assert objects[-1]["summary"]["results"] == {"managed": 2, "ignored": 1}


def test_only_one_tenant_or_some_names_are_looked_at_and_written(place: Place) -> None:
    place.add("W1", "web-1")
    place.add("W2", "web-2")
    place.us.add_client("U1", name="web-1", kind="web")
    done(invoke("discover", "--write", "--tenant", "eu", "--match", "web-2"))
    assert set(place.written) == {"web-2"}
    assert place.us.requests == []
    done(invoke("discover", "--write", "--match", "us-*"))
    assert set(place.written) == {"web-2", "us-web-1"}
    assert "expected one of eu, us" in done(invoke("discover", "--tenant", "uk"), 2).err


def test_a_table_that_was_moved_into_the_configuration_counts_there(place: Place) -> None:
    place.add("W1", "web-1")
    done(invoke("discover", "--write"))
    mine = f'\n[clients.mine]\ntenant = "eu"\nclient_id = "W1"\nsinks = ["kv://secret/{place.unique}/mine"]\n'
    place.config.write_text(place.text + mine, "utf-8")
    assert "the same application as clients." in done(invoke("status"), 2).err
    assert done(invoke("discover", "--write")).out.endswith("Written: clients.toml.\n")
    assert place.clients.read_text("utf-8").count("[clients.") == 0
    assert "2 managed" in done(invoke("discover")).out


def test_a_configuration_without_rules_or_a_place_to_write_says_what_is_missing(place: Place) -> None:
    place.add("W1", "web-1")
    without = place.text.partition("[discover]")[0]
    place.config.write_text(without, "utf-8")
    assert "add [discover] with file" in done(invoke("discover"), 5).out
    assert "does not say where" in done(invoke("discover", "--write"), 2).err
    place.config.write_text(without.partition("[[rules]]")[0], "utf-8")
    assert "has no rules" in done(invoke("discover"), 2).err
    place.config.unlink()
    assert "there is no bridge.toml" in done(invoke("discover"), 2).err
    place.config.write_text(without + '[discover]\nfile = "bridge.toml"\n', "utf-8")
    assert "another file than the configuration" in done(invoke("discover", "--write"), 2).err
    assert "found --write and --dry-run" in done(invoke("discover", "--write", "--dry-run"), 2).err


def test_without_the_scope_it_is_named(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.us.add_api_token("little", ["read:logs"])
    monkeypatch.setenv("US_TOKEN", "little")
    assert "read:clients" in done(invoke("discover"), 1).err


STRUCK = """
import os, signal
import bridge.config.discovered as discovered
real = discovered.{name}
def struck(*given):
    {before}
    os.kill(os.getpid(), signal.{signal})
    {after}
discovered.{name} = struck
from bridge.cli import main
main()
"""


def struck(place: Place, name: str, signal: str, *, late: bool = False) -> int:
    """Write a second client, and have a signal strike before or after one step of that. Return the exit status."""
    place.add("W1", "web-1")
    done(invoke("discover", "--write"))
    place.add("W2", "web-2")
    steps = ("real(*given)", "pass") if late else ("pass", "real(*given)")
    code = STRUCK.format(name=name, signal=signal, before=steps[0], after=steps[1])
    command = [sys.executable, "-c", code, "discover", "--write"]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False).returncode


@pytest.mark.parametrize(
    ("name", "late", "new"), [("_save", False, False), ("_save", True, False), ("_flush", False, True)]
)
def test_a_death_while_writing_leaves_the_old_file_or_the_new_one(
    place: Place, name: str, *, late: bool, new: bool
) -> None:
    assert struck(place, name, "SIGKILL", late=late) == -9
    assert set(place.written) == ({"web-1", "web-2"} if new else {"web-1"})
    done(invoke("discover", "--write"))
    assert set(place.written) == {"web-1", "web-2"}


@pytest.mark.parametrize("signal", ["SIGINT", "SIGTERM"])
def test_a_request_to_stop_lets_it_finish_the_file(place: Place, signal: str) -> None:
    assert struck(place, "_save", signal) == 0
    assert set(place.written) == {"web-1", "web-2"}
    assert sorted(path.name for path in place.directory.iterdir()) == ["bridge.toml", "clients.toml"]
