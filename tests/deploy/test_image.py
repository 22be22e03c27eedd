"""The image: what is in it, and a whole story in it under a read-only root. A proof, because it takes minutes."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.image import Store, context
from tests.unit.sandbox.test_keep import Running, sandbox

pytestmark = pytest.mark.timeout(3600)
UID = 65532
LIMIT = 140_000_000
WRITABLE = ["/var/lib/secret-bridge"]


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


@pytest.fixture(scope="module")
def store(directory: Path) -> Store:
    """A store that has the image."""
    (directory / "store").mkdir()
    store = Store(directory / "store")
    base, wheel = store.base(), context(directory / "context")
    # A list whose hashes are of other files is refused, before anything is installed.
    forged = context(directory / "forged")
    text = (forged / "constraints.txt").read_text()
    (forged / "constraints.txt").write_text(re.sub(r"sha256:[0-9a-f]{4}", "sha256:0000", text))
    assert "constraints.txt has no hash of" in store.build(base, forged, fails=True)
    store.build(base, wheel)
    return store


@pytest.fixture(scope="module")
def root(store: Store, directory: Path) -> Path:
    """The image's files."""
    unpacked = directory / "unpacked"
    unpacked.mkdir()
    script = '''podman="$*"; id=$($podman create localhost/secret-bridge) && $podman export "$id" | tar -xC "$0"'''
    outer = store.command("sh", "-c")[:6]
    podman = store.command("podman")[6:]
    subprocess.run([*outer, "sh", "-c", script, str(unpacked), *podman], check=True, timeout=600)
    return unpacked


@pytest.fixture(scope="module")
def servers(directory: Path) -> Iterator[Running]:
    home = directory / "servers"
    home.mkdir()
    with sandbox(home, "--directory", "here") as running:
        yield running


class Container:
    """The image, run with a configuration and an audit file of its own."""

    def __init__(self, store: Store, servers: Running, directory: Path) -> None:
        self.store, self.etc, self.audit = store, directory / "etc", directory / "audit"
        for made in (self.etc, self.audit):
            made.mkdir()
        os.chown(self.audit, UID, UID)
        self.config((servers.directory / "bridge.toml").read_text())
        given = {**servers.variables, "BRIDGE_AUDIT": "file:/var/lib/secret-bridge/audit.jsonl"}
        self.env = tuple(f"--env={name}={text}" for name, text in given.items())

    def config(self, text: str) -> None:
        (self.etc / "bridge.toml").write_text(text)

    def command(self, *words: str, options: tuple[str, ...] = ()) -> list[str]:
        mounts = (
            f"--volume={self.etc}:/etc/secret-bridge:ro", f"--volume={self.audit}:/var/lib/secret-bridge",
        )  # fmt: skip
        return self.store.run(*words, options=(*mounts, *self.env, *options))

    def run(self, *words: str, status: int = 0, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        ended = subprocess.run(
            self.command(*words, options=options), capture_output=True, text=True, check=False, timeout=300
        )
        assert ended.returncode == status, ended.stdout + ended.stderr
        return ended


@pytest.fixture
def container(store: Store, servers: Running, directory: Path) -> Iterator[Container]:
    with tempfile.TemporaryDirectory(dir=directory) as made:
        Path(made).chmod(0o755)
        yield Container(store, servers, Path(made))


def test_it_is_small_and_says_who_runs_what(store: Store) -> None:
    told = subprocess.run(
        store.command("podman", "image", "inspect", "localhost/secret-bridge"), capture_output=True, check=True
    )
    (image,) = json.loads(told.stdout)
    assert image["Size"] < LIMIT, f"{image['Size']} bytes"
    assert (image["Config"]["User"], image["Config"]["Entrypoint"]) == (f"{UID}:{UID}", ["secret-bridge"])
    assert image["Config"]["Labels"]["org.opencontainers.image.base.name"] == "localhost/debian:trixie"


def test_it_holds_no_shell_no_package_manager_and_nothing_that_another_user_can_change(root: Path) -> None:
    programs = sorted(
        str(path.relative_to(root)) for folder in ("usr/bin", "usr/sbin") for path in root.glob(f"{folder}/*")
    )
    assert programs == ["usr/bin/python3.13"]
    assert not [path for path in root.rglob("pip*") if path.is_dir() and path.name == "pip"]
    for path in (each for each in root.rglob("*") if not each.is_symlink()):
        inside, found = "/" + str(path.relative_to(root)), path.stat()
        if inside.startswith(("/dev", "/proc", "/sys", "/run", "/tmp")):
            continue
        assert found.st_mode & 0o7777 == 0o1777 or not found.st_mode & 0o7002, f"{inside}: {found.st_mode:o}"
        assert found.st_uid == (UID if inside in WRITABLE else 0), inside


def test_scanners_find_the_packages_and_lawyers_the_licences(root: Path) -> None:
    packages = [path.name for path in (root / "var/lib/dpkg/status.d").iterdir()]
    assert {"libc6", "libssl3t64", "python3.13-minimal"} <= set(packages)
    assert [name for name in packages if not (root / "usr/share/doc" / name).exists()] == []
    assert (root / "etc/os-release").is_symlink()


def test_all_of_it_is_compiled_because_it_cannot_be_later(root: Path) -> None:
    for top in ("usr/lib/python3.13", "opt/secret-bridge/lib/python3.13/site-packages/bridge"):
        sources = [path for path in (root / top).rglob("*.py") if "__pycache__" not in path.parts]
        assert len(sources) > 100
        for path in sources:
            compiled = path.parent / "__pycache__" / f"{path.stem}.cpython-313.pyc"
            assert compiled.exists(), path
            assert compiled.read_bytes()[4:8] == b"\x01\0\0\0", path  # it is taken whatever the source's date is


def test_every_library_finds_what_it_is_linked_with(store: Store) -> None:
    code = """
import importlib, pathlib, ssl, sysconfig, zoneinfo
for path in pathlib.Path(sysconfig.get_path("stdlib"), "lib-dynload").glob("*.so"):
    name = path.name.partition(".")[0]
    if name not in {"_dbm", "_gdbm", "_sqlite3", "_curses", "_curses_panel", "readline"} and "test" not in name:
        importlib.import_module(name)
import apprise, bridge.cli.commands, cryptography.hazmat.bindings._rust, pydantic_core, yaml
from botocore.session import Session
for name in ("secretsmanager", "sts", "sso", "sso-oidc", "signin"):
    Session().create_client(name, region_name="us-east-1")
zoneinfo.ZoneInfo("Europe/Berlin")
assert ssl.create_default_context().cert_store_stats()["x509_ca"] > 100
"""
    command = store.run("-c", code, options=("--entrypoint=python3.13",))
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stderr


def test_nothing_can_be_written_and_no_shell_be_started(store: Store) -> None:
    code = """
import os, pathlib, subprocess
assert os.getuid() == os.getgid() == 65532 and os.getpid() == 1
told = dict(line.split(":", 1) for line in open("/proc/self/status"))
assert int(told["CapEff"], 16) == 0 and int(told["NoNewPrivs"]) == 1
for place in ("/", "/tmp", "/opt/secret-bridge", "/var/lib/secret-bridge"):
    try:
        pathlib.Path(place, "x").write_text("x")
    except OSError:
        continue
    raise SystemExit(f"{place} can be written")
try:
    os.execv("/bin/sh", ["sh"])
except FileNotFoundError:
    pass
"""
    command = store.run("-c", code, options=("--entrypoint=python3.13",))
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert ended.returncode == 0, ended.stderr


def test_a_whole_story_runs_in_it(container: Container) -> None:
    assert container.run("--version").stdout.startswith("secret-bridge ")
    container.run("adopt", "billing", "--yes")
    assert "result=rotated client=billing" in container.run("rotate", "billing", "--again").stdout
    (shown,) = [json.loads(line) for line in container.run("status", "--json").stdout.splitlines()]
    assert shown["client"] == "billing"
    container.run("verify", "billing")
    container.run("doctor", "billing")
    container.config((container.etc / "bridge.toml").read_text() + '[defaults]\nfallback_min_age = "0s"\n')
    container.run("retire", "billing", "--force", "--reason", "a try", "--yes")
    container.run("audit", "verify")
    assert (container.audit / "audit.jsonl").stat().st_uid == UID


def test_a_uid_without_a_name_has_the_token_in_its_home(container: Container) -> None:
    (token,) = [each.partition("=")[2].partition("=")[2] for each in container.env if "VAULT_TOKEN" in each]
    container.env = tuple(each for each in container.env if "VAULT_TOKEN" not in each and "AUDIT" not in each)
    kept = container.etc / "token"
    kept.write_text(token)
    kept.chmod(0o444)
    container.config((container.etc / "bridge.toml").read_text().replace(', token = "env:VAULT_TOKEN"', ""))
    container.run("status", options=("--user=12345:0", f"--volume={kept}:/var/lib/secret-bridge/.vault-token:ro"))


def test_a_command_after_a_rotation_that_the_image_lacks_is_said_to_be_missing(container: Container) -> None:
    container.run("adopt", "billing", "--yes")
    container.config((container.etc / "bridge.toml").read_text() + 'after = ["kubectl", "version"]\n')
    ended = container.run("rotate", "billing", "--again", status=5)
    assert "'kubectl' was not found" in ended.stdout + ended.stderr


def test_asked_to_stop_as_process_1_it_leaves_nothing_that_the_next_command_cannot_settle(container: Container) -> None:
    container.run("adopt", "billing", "--yes")
    process = subprocess.Popen(
        container.command("rotate", "billing", "--again", options=("--sig-proxy",)), text=True, stderr=subprocess.PIPE
    )
    assert process.stderr
    said = ""
    while " stage " not in said:
        line = process.stderr.readline()
        assert line, said
        said += line
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    said += process.communicate(timeout=60)[1]
    assert "stopping as soon as it is safe" in said, said
    assert process.returncode in (0, 1, 3), said
    assert time.monotonic() - begun < 60
    container.run("resume", "billing")
    container.run("verify", "billing")
