"""All pages: their links, the code they name, their words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from bridge.cli.commands import loaded
from tests.docs.pages import DOCS, EXAMPLES, PAGES, ROOT, anchors, code, name_of, without_fences

ADRS = sorted((DOCS / "adr").glob("0*.md"))
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
INSTALLERS = re.compile(r"(?<![\w-])(?:pip|pipx|uv|uvx|gh) [^&\n]*")
"""What other programs are given, with options of their own."""
FORBIDDEN = re.compile(
    r"/tmp/|/root/|/home/|\.\./shared|://[^ /)]*(registry|packages?|hosted|files)\."  # a machine's paths, registries
    r"|\bsessions?\b|\bissue #?\d|(?<![\w`/])#\d+\b",  # how it was made
    re.IGNORECASE,
)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in LINK.findall(without_fences(page)):
        if link.startswith(("https://", "http://")):
            continue
        target, _, anchor = link.partition("#")
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and anchor not in anchors(path)):
            broken.append(link)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_file_of_the_project_that_is_named_exists(page: Path) -> None:
    named = {
        path.rstrip("/.")
        for text in code(page)
        for path in re.findall(r"(?<![\w/.-])(?:bridge|sinks|tests|docs)/[\w./-]+", text)
    }
    assert [path for path in sorted(named) if "NAME" not in path and not (ROOT / path).exists()] == []


def test_the_trace_names_at_most_five_files_and_all_exist() -> None:
    page = (DOCS / "internals" / "trace.md").read_text("utf-8")
    named = set(re.findall(r"\b(?:bridge|sinks)/[\w/]+\.py", page))
    assert 0 < len(named) <= 5
    assert all((ROOT / path).is_file() for path in named)


def test_the_functions_that_the_trace_names_are_in_those_files() -> None:
    page = (DOCS / "internals" / "trace.md").read_text("utf-8")
    for step in re.findall(r"^\d\. (.+)$", page, re.MULTILINE):
        files = re.findall(r"\b(?:bridge|sinks)/[\w/]+\.py", step)
        source = "".join((ROOT / path).read_text("utf-8") for path in files)
        for name in re.findall(r"`(\w+)(?:\([^`]*)?`", step):
            assert re.search(rf"\b{name}\b", source), name


def options() -> set[str]:
    group = typer.main.get_command(loaded())
    commands = [group, *group.commands.values()]  # type: ignore[attr-defined]  # a group
    commands += [inner for command in commands[1:] for inner in getattr(command, "commands", {}).values()]
    return {flag for command in commands for option in command.params for flag in option.opts} | {"--help"}


IMAGE = DOCS / "guide" / "deploy" / "image"
OTHERS = {
    IMAGE / "Containerfile": {
        "--build-arg", "--constraint", "--extract", "--field", "--find-links", "--from", "--hash",
        "--invalidation-mode", "--no-cache-dir", "--no-compile", "--no-index", "--no-install-recommends",
        "--only-binary", "--python", "--without-pip",
    },
    IMAGE / "README.md": {
        "--build-arg", "--cap-drop", "--init", "--no-cache", "--no-deps", "--pull", "--read-only", "--rm",
        "--security-opt",
    },
    DOCS / "guide" / "agent.md": {"--unix-socket"},
    DOCS / "guide" / "ci.md": {
        "--raw", "--url", "--client-id-list", "--role-name", "--assume-role-policy-document", "--policy-name",
        "--policy-document",
    },
    DOCS / "guide" / "deploy" / "gitlab-ci.yml": {"--require-hashes"},
}  # fmt: skip
"""Options of other programs, on pages that run these. Those of ci.md are typed in `tests/deploy`, but for kubectl's."""
ABOUT_PROOFS = (DOCS / "internals" / "reliability.md", ROOT / "tests" / "README.md")


def options_of_proofs() -> set[str]:
    """Return the options of the commands under `tests`, which the page about reliability names."""
    sources = [path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py")]
    return {flag for text in sources for flag in re.findall(r'add_argument\(\s*"(--[a-z-]+)"', text)}


@pytest.mark.parametrize("page", [*PAGES, *EXAMPLES], ids=name_of)
def test_every_command_and_option_that_is_named_exists(page: Path) -> None:
    commands = set(typer.main.get_command(loaded()).commands)  # type: ignore[attr-defined]  # a group
    texts = [INSTALLERS.sub("", text) for text in code(page)] if page.suffix == ".md" else _ours(page)
    named = {word for text in texts for word in re.findall(r"\bsecret-bridge +([a-z]+)\b", text)}
    flags = {flag for text in texts for flag in re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", text)}
    known = options() | (options_of_proofs() if page in ABOUT_PROOFS else set()) | OTHERS.get(page, set())
    assert (named - commands, flags - known) == (set(), set())


def _ours(example: Path) -> list[str]:
    """Return what an example says of the bridge: readers use other programs, with options of their own."""
    text = example.read_text("utf-8")
    return [line for line in text.splitlines() if "secret-bridge" in line] if "readers" in example.parts else [text]


@pytest.mark.parametrize("page", [*PAGES, *EXAMPLES], ids=name_of)
def test_no_page_holds_a_word_that_does_not_belong_there(page: Path) -> None:
    assert FORBIDDEN.findall(page.read_text("utf-8")) == []


@pytest.mark.parametrize("page", ADRS, ids=name_of)
def test_a_decision_has_its_four_parts_and_fits_on_half_a_page(page: Path) -> None:
    text = page.read_text("utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Options", "Decision", "What follows"]
    assert len(text.split()) <= 420


def test_the_list_of_decisions_is_complete() -> None:
    listed = re.findall(r"\| \[(\d+)\]\((\d{4})-", (DOCS / "adr" / "README.md").read_text("utf-8"))
    assert [int(number) for _, number in listed] == [int(path.name[:4]) for path in ADRS]
    assert all(int(short) == int(number) for short, number in listed)
