"""Reading a good file."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
import sys
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import sinks.aws
import sinks.vault
from bridge.config.load import SHOWN, find, load
from bridge.config.settings import CONSENTS, EVIDENCE, STRATEGIES, ClientSettings
from bridge.model.errors import Usage
from bridge.model.tenant import TenantSettings


def test_the_example_says_what_it_seems_to(load_text: Any, good: str, tmp_path: Path) -> None:
    settings = load_text(good)
    assert settings.path == tmp_path / "bridge.toml"
    assert settings.tenants["prod"] == TenantSettings(
        "prod", "acme.eu.auth0.com", client_id="env:AUTH0_CLIENT_ID", client_secret="env:AUTH0_CLIENT_SECRET"
    )
    assert settings.clients["billing"] == ClientSettings(
        name="billing",
        client_id="AbC123",
        tenant="prod",
        owner="team-billing",
        sinks=("eu://secret/apps/billing", "use1://apps/billing#client_secret"),
        after=("kubectl", "rollout", "restart", "deploy/billing"),
    )


def test_a_vaults_options_are_its_own_settings(load_text: Any, good: str) -> None:
    vaults = load_text(good).vaults
    assert vaults["use1"].options == sinks.aws.Settings(
        region="us-east-1", role_arn="arn:aws:iam::111122223333:role/bridge"
    )
    options = vaults["eu"].options
    assert isinstance(options, sinks.vault.Settings)
    assert (vaults["eu"].type, options.namespace, options.auth.method) == ("vault", "platform", "approle")
    assert options.auth.secret_id == "file:/run/secrets/secret_id"


def test_defaults_hold_for_each_client_that_says_nothing_else(load_text: Any, good: str) -> None:
    text = good.replace('max_age = "90d"', 'max_age = "30d"\naccept = ["hs256"]\nkey = "auth0"', 1)
    other = '[clients.other]\ntenant = "prod"\nclient_id = "X"\nsinks = ["eu://secret/x", "eu://secret/y#z"]\n'
    clients = load_text(text + other + 'max_age = "2w"\nevidence = "advisory"\naccept = []\n').clients
    assert (clients["billing"].max_age, clients["other"].max_age) == (timedelta(days=30), timedelta(weeks=2))
    assert (clients["billing"].accept, clients["other"].accept) == (frozenset({"hs256"}), frozenset())
    assert (clients["billing"].evidence, clients["other"].evidence) == ("advisory", "advisory")
    assert clients["other"].sinks == ("eu://secret/x#auth0", "eu://secret/y#z")


@pytest.mark.parametrize(
    ("line", "known"),
    [
        *((f'strategy = "{each}"', "strategy") for each in STRATEGIES),
        *((f'evidence = "{each}"', "evidence") for each in EVIDENCE),
        *((f'accept = ["{each}"]', "accept") for each in CONSENTS),
    ],
)
def test_every_word_that_is_known_can_be_written(load_text: Any, good: str, line: str, known: str) -> None:
    text = "".join(each for each in good.splitlines(keepends=True) if not each.startswith(f"{known} ="))
    client = load_text(text.replace("[defaults]", f"[defaults]\n{line}", 1)).clients["billing"]
    said = getattr(client, known)
    assert (said if isinstance(said, str) else next(iter(said))) == line.split('"')[1]


def test_propagation_may_be_short_on_loopback_only(load_text: Any, faults_of: Any, good: str) -> None:
    local = good.replace('"acme.eu.auth0.com"', '"http://127.0.0.1:3000"\npropagation = "3s"')
    assert load_text(local).tenants["prod"].propagation == timedelta(seconds=3)
    short = good.replace('"acme.eu.auth0.com"', '"acme.eu.auth0.com"\npropagation = "3s"')
    assert faults_of(short) == ("tenants.prod.propagation: expected 30s or more, as Auth0 takes (less: on loopback)",)


def test_the_file_is_the_option_else_the_variable_else_the_one_here_and_none_further_up(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    for path in (tmp_path / "bridge.toml", tmp_path / "a.toml", tmp_path / "b.toml"):
        path.touch()
    environ = {"BRIDGE_CONFIG": str(tmp_path / "b.toml")}
    assert find(str(tmp_path / "a.toml"), environ, tmp_path) == tmp_path / "a.toml"
    assert find(None, environ, tmp_path) == tmp_path / "b.toml"
    assert find(None, {}, tmp_path) == tmp_path / "bridge.toml"
    assert find(None, {}, inner) is None


@pytest.mark.parametrize(
    ("option", "environ", "named"), [("no.toml", {}, "--config"), (None, {"BRIDGE_CONFIG": "no.toml"}, "BRIDGE_CONFIG")]
)
def test_a_file_that_was_named_has_to_exist(option: Any, environ: Any, named: str, tmp_path: Path) -> None:
    with pytest.raises(Usage, match=f"{named}: there is no file no.toml"):
        find(option, environ, tmp_path)


def exposed(path: Path, how: str) -> None:
    """Let somebody else change a file, or what stands in for it."""
    match how.split():
        case ["mode", mode]:
            path.chmod(int(mode, 8))
        case ["directory", mode]:
            path.parent.chmod(int(mode, 8))
        case ["owner"]:
            os.chown(path, 65534, 65534)
        case ["owner", "of", "directory"]:
            os.chown(path.parent, 65534, 65534)
        case ["owner", "of", "link"]:
            real = path.rename(path.with_name("real.toml"))
            path.symlink_to(real)
            os.chown(path, 65534, 65534, follow_symlinks=False)
        case ["link", "to", "theirs"]:
            real = path.rename(path.with_name("real.toml"))
            path.symlink_to(real)
            os.chown(real, 65534, 65534)


HERE = (
    "mode 664", "mode 620", "mode 646", "mode 666", "mode 777", "directory 777", "directory 770", "directory 720",
    "directory 702",
)  # fmt: skip
THEIRS = ("owner", "owner of directory", "owner of link", "link to theirs")


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's group may be its own, and only root gives files away")
@pytest.mark.parametrize("how", [*HERE, *THEIRS])
def test_a_file_that_was_found_and_that_others_could_change_is_used_only_by_its_name(how: str, tmp_path: Path) -> None:
    path = tmp_path / "bridge.toml"
    path.touch(0o644)
    exposed(path, how)
    with pytest.raises(Usage, match=r"is not used, because it was not named, and (the file|its directory) ") as caught:
        find(None, {}, tmp_path)
    assert caught.value.exit_status == 2
    assert f"--config {path}" in str(caught.value.hint)
    assert ("chmod go-w" in str(caught.value.hint)) == (how in HERE)
    assert find(path, {}, tmp_path) == path
    assert find(None, {"BRIDGE_CONFIG": str(path)}, tmp_path) == path


@pytest.mark.parametrize(
    "how", ["mode 600", "mode 444", "mode 755", "directory 700", "directory 755", "directory 1777"]
)
def test_a_file_that_was_found_and_that_nobody_else_can_change_is_used(how: str, tmp_path: Path) -> None:
    path = tmp_path / "bridge.toml"
    path.touch(0o644)
    exposed(path, how)
    assert find(None, {}, tmp_path) == path


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_the_group_of_a_user_alone_is_no_other_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual umask of people is 002, where each has a group of their own."""
    path = tmp_path / "bridge.toml"
    path.touch()
    path.chmod(0o664)
    for each in (path, tmp_path):
        os.chown(each, 1234, 1234)
    user = pwd.struct_passwd(("ada", "x", 1234, 1234, "", "/", "/bin/sh"))
    monkeypatch.setattr("os.geteuid", lambda: 1234)
    monkeypatch.setattr("pwd.getpwuid", lambda _uid: user)
    for members, name, good in (([], "ada", True), (["ada"], "ada", True), (["bob"], "ada", False), ([], "it", False)):
        group = grp.struct_group((name, "x", 1234, members))
        monkeypatch.setattr("grp.getgrgid", lambda _gid, group=group: group)
        with nullcontext() if good else pytest.raises(Usage, match="may be written to by its group"):
            assert find(None, {}, tmp_path) == path


@pytest.mark.parametrize("kind", ["/dev/zero", "pipe", "directory", "huge", "deep", "tables"])
def test_only_a_regular_file_of_at_most_16_mib_is_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / kind
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "directory":
        path.mkdir()
    elif kind != "/dev/zero":
        deep = {"deep": "x = " + "[" * 200_000, "tables": "x = " + "{a = " * 100_000}
        path.write_text(deep.get(kind, "#" * (2**24 + 1)), "utf-8")
    with pytest.raises(Usage, match=r"is not a regular file|has more than 16 MiB|nested too deeply") as caught:
        load(find(path, {}) or path, {})
    assert str(path) in caught.value.message


def test_thousands_of_clients_are_read_and_a_mistake_in_all_is_told_briefly(load_text: Any, good: str) -> None:
    tables = "".join(
        f'[clients.client-{n}]\ntenant = "prod"\nclient_id = "i{n}"\nsinks = ["eu://secret/{n}"]\n' for n in range(3000)
    )
    assert len(load_text(f"{good}{tables}# {'a comment ' * 2**17}").clients) == 3001
    with pytest.raises(Usage) as caught:
        load_text(good + tables.replace("client_id", "client"))
    assert len(caught.value.faults) == SHOWN + 1
    assert caught.value.faults[-1] == f"and {6000 - SHOWN} more"


def test_pydantic_is_not_loaded_before_a_file_is_read() -> None:
    program = (
        "import sys, bridge.config.load, bridge.config.choose, bridge.auth0.api, bridge.auth0.values\n"
        "import sinks.references\n"
        "print([n for n in ('pydantic', 'httpx', 'jwt', 'stamina', 'hvac', 'boto3', 'botocore') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert done.stdout.strip() == "[]"
