"""--help: an example for each command, and no word that is broken or means nothing."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

from bridge.cli.commands import loaded
from tests.e2e.command import invoke

BOX = re.compile(r"[│╭╰╮╯─]+")


def commands(group: object = None, *before: str) -> dict[tuple[str, ...], object]:
    """Return every command by its words; a group is one as well."""
    found: dict[tuple[str, ...], object] = {}
    for name, command in (group or get_command(loaded())).commands.items():
        found[*before, name] = command
        if hasattr(command, "commands"):
            found |= commands(command, *before, name)
    return found


ALL = commands()
LEAVES = {words: command for words, command in ALL.items() if not hasattr(command, "commands")}


@pytest.mark.parametrize("words", LEAVES, ids=" ".join)
def test_a_command_has_an_example_that_it_understands(words: tuple[str, ...]) -> None:
    shown = " ".join(LEAVES[words].epilog.removeprefix("Example:  ").replace("\\", "").split())
    program, *typed = shlex.split(shown.partition(" > ")[0])
    assert (program, tuple(typed[: len(words)])) == ("secret-bridge", words)
    LEAVES[words].make_context("x", typed[len(words) :])  # it raises where an option is not known


@pytest.mark.parametrize("width", [60, 80, 140])
@pytest.mark.parametrize("words", [(), *ALL], ids=lambda words: " ".join(words) or "itself")
def test_no_word_of_the_help_is_broken(words: tuple[str, ...], width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {}
    for columns in (width, 400):
        monkeypatch.setenv("COLUMNS", str(columns))
        # Typer reads this when it is imported.
        monkeypatch.setattr("typer.rich_utils.MAX_WIDTH", columns)
        told[columns] = set(BOX.sub(" ", invoke(*words, "--help").out).split())
    assert told[width] == told[400]
    assert not [word for word in told[width] if word.startswith("<")]


def test_the_documentation_is_named_once_and_exists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    (named,) = re.findall(r"\S+\.md", invoke("--help").out)
    assert (Path(__file__).parents[3] / named).is_file()
    assert not any(".md" in invoke(*words, "--help").out for words in ALL)


CONFIG = '[clients.billing]\n[clients.billing-eu]\n[clients."two words"]\n[clients.orders]\n'


def completed(monkeypatch: pytest.MonkeyPatch, line: str) -> list[str]:
    """Return what a shell gets for a line that is completed at its end."""
    from typer.testing import CliRunner

    environ = {
        "_SECRET_BRIDGE_COMPLETE": "complete_bash",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
    }
    result = CliRunner().invoke(loaded(), [], env=environ, prog_name="secret-bridge")
    assert result.stderr == ""
    return result.stdout.split("\n")[:-1] if result.stdout.endswith("\n") else result.stdout.split("\n")


def test_names_of_clients_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bridge.toml").write_text(CONFIG, "utf-8")
    assert completed(monkeypatch, "secret-bridge rotate bill") == ["billing", "billing-eu"]
    assert completed(monkeypatch, "secret-bridge rotate billing bill") == ["billing-eu"]
    assert completed(monkeypatch, "secret-bridge read o") == ["orders"]
    (tmp_path / "bridge.toml").rename(tmp_path / "other.toml")
    assert completed(monkeypatch, "secret-bridge read --config other.toml o") == ["orders"]


def test_discovered_clients_are_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bridge.toml").write_text(CONFIG + '[discover]\nfile = "clients.toml"\n', "utf-8")
    assert completed(monkeypatch, "secret-bridge rotate bill") == ["billing", "billing-eu"]
    (tmp_path / "clients.toml").write_text("[clients.bills]\n", "utf-8")
    assert completed(monkeypatch, "secret-bridge rotate bill") == ["billing", "billing-eu", "bills"]


@pytest.mark.parametrize("text", ["not TOML [", "clients = 1", "\udcff", None])
def test_completion_never_fails(text: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / "bridge.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    assert [name for name in completed(monkeypatch, "secret-bridge rotate b") if name] == []
    monkeypatch.setenv("BRIDGE_CONFIG", "/no/such/file")
    assert [name for name in completed(monkeypatch, "secret-bridge rotate b") if name] == []
