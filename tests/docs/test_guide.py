"""The pages for newcomers: the first rotation is typed as it stands, and what the others say is compared with facts."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from bridge.planning.role_rights import SCOPES
from sinks.rights import Role
from tests.docs import timeline
from tests.docs.pages import DOCS, PAGES, ROOT, name_of, section, spans, tables
from tests.drills.drill import begun

GUIDE = DOCS / "guide"


@pytest.mark.timeout(600)
def test_the_sandbox_goes_as_the_page_says(tmp_path: Path) -> None:
    with begun(GUIDE / "sandbox.md", tmp_path) as drill:
        drill.through("Retire")
        assert not drill.waiting
        first, other = drill.values("billing")
        assert (drill.accepts("billing", first), drill.accepts("billing", other)) == (True, False)
        with drill.vault("billing") as vault, drill.aws("billing") as aws:
            for seen in (vault.see(), aws.see()):
                assert (seen.current, seen.fallback, seen.pending) == (first, None, None)
        shown = {"printed": drill.printed, **drill.files(but=("sandbox.env",))}
        assert not [name for name, text in shown.items() for value in (first, other) if value in text]


def test_the_picture_is_drawn_from_the_pages_table() -> None:
    assert timeline.FILE.read_text("utf-8") == timeline.drawn(), "run: python -m tests.docs.timeline"


def test_the_picture_shows_all_that_can_be_and_no_retired_value() -> None:
    table = {row[0]: row[1:] for row in timeline.rows()}
    assert list(table) == ["before", "stage", "set", "promote", "done", "retire"]
    for step, (auth0, *stored) in table.items():
        values = set(stored[:3]) - {"-"}
        accepted = {"old", "new"} if auth0 == "either" else {auth0}
        assert accepted <= values, step  # whatever Auth0 accepts is in the sinks
    assert "old" not in table["retire"]


def test_the_scopes_that_the_page_gives_each_role_are_those_that_it_needs() -> None:
    (roles, told) = tables(section(GUIDE / "auth0.md", "Which scopes"))
    assert {spans(row[0])[0]: set(spans(row[1])) for row in roles} == {str(r): set(SCOPES[r]) for r in Role}
    assert {spans(row[0])[0] for row in told} == {scope for scopes in SCOPES.values() for scope in scopes}


def test_what_is_said_of_installing_is_what_the_project_declares() -> None:
    page, project = GUIDE / "install.md", tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (extras,) = tables(section(page, "Extras"))
    assert [spans(row[0])[0] for row in extras] == list(project["optional-dependencies"])
    assert f"Python {project['requires-python'].removeprefix('>=')} or newer" in page.read_text("utf-8")
    assert set(project["scripts"]) <= set(spans(section(page, "Names")))


def test_nobody_is_sent_to_a_package_index_that_has_nothing_of_ours() -> None:
    """The name is not published. Somebody else could take it, and would get the credentials of who installs it."""
    sent = re.compile(r"""pip install (?:-\w+ )*["']?secret-bridge(?!\S* @ )""")
    paths = [path for path in PAGES if path.name != "install.md"] + [
        *(ROOT / "bridge").rglob("*.py"),
        *(ROOT / "sinks").rglob("*.py"),
    ]
    assert [name_of(path) for path in paths if sent.search(path.read_text("utf-8"))] == []
