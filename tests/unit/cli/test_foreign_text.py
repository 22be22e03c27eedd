"""A text that others wrote, on its way through every output: it forges no line and commands no terminal."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import logging
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bridge.audit.chain import START, Chain
from bridge.audit.write import StandardError
from bridge.cli.output import json as as_json
from bridge.cli.output.console import Colour, Line, Tone, choose_colour, say, say_all
from bridge.cli.output.progress import Lines
from bridge.cli.runner import configure
from bridge.notify import events
from bridge.report.page import page
from bridge.report.prometheus import metrics
from bridge.report.table import table
from tests.unit.cli.foreign import lines, objects, report

RESULT = "result=rotated client=billing exit=0"
FORGED = (
    f"Billing\n{RESULT}\r\n\x1b]0;owned\x07\x1b[31m\x9b2J\u202egnp\u2066x\u2028{RESULT}"
    "\u200b\x7f\ud800\x00\n::stop-commands::x"
)
ANY = st.text(st.characters(), max_size=30)
SGR = re.compile("\x1b\\[[0-9;]*m")


class Shown(io.StringIO):
    """A stream that is a terminal or not."""

    def __init__(self, *, terminal: bool = False) -> None:
        super().__init__()
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


def printed(work: Callable[[], object], *, terminal: bool = False) -> str:
    """Return what something printed, on both streams."""
    stream = Shown(terminal=terminal)
    with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
        work()
    return stream.getvalue()


def is_clean(text: str, number: int | None = None) -> None:
    """Check that a text is that many lines, with nothing unprintable and nothing forged in them."""
    whole = text.removesuffix("\n").split("\n")
    assert all(line.isprintable() for line in whole)
    assert not any(line.startswith("result=") or line.lstrip().startswith("::") for line in whole)
    assert number is None or len(whole) == number


@given(ANY)
@example(FORGED)
@example(RESULT)
@settings(deadline=None, max_examples=60)
def test_every_line_for_people_is_one_line_of_printable_text(text: str) -> None:
    told = list(lines(f"a{text}"))
    for err in (False, True):
        is_clean(printed(lambda: say_all(told, err=err)), len(told))  # noqa: B023  # called at once


@given(ANY)
@example(FORGED)
@settings(deadline=None, max_examples=60)
def test_on_a_terminal_the_only_escape_sequences_are_our_colours(text: str) -> None:
    told = [*lines(f"a{text}"), Line.of(text and f"a{text}", (text, Tone.BAD), ("b", Tone.GOOD))]
    with patch.dict(os.environ, COLUMNS="100000"):  # so that nothing is wrapped
        shown = printed(lambda: say_all(told), terminal=True)
    assert set(SGR.findall(shown)) <= {f"\x1b[{tone}m" for tone in (*Tone, 0)}
    is_clean(SGR.sub("", shown), len(told))


@given(ANY)
@example(FORGED)
@settings(deadline=None, max_examples=60)
def test_every_object_is_one_printable_line_and_parses_to_the_original(text: str) -> None:
    for told in objects(text):
        shown = printed(lambda: say(as_json.line(told)))  # noqa: B023  # called at once
        is_clean(shown, 1)
        assert {**json.loads(shown), "schema": 1} == {**as_json.plain(told), "schema": 1}


@given(ANY)
@example(FORGED)
@settings(deadline=None, max_examples=60)
def test_progress_logs_and_the_audit_record_are_lines(text: str) -> None:
    is_clean(printed(lambda: Lines().step("stage", text)), 1)

    def log() -> None:
        configure(verbose=True)
        logging.getLogger("bridge.model.steps").debug("%s: %s", text, text)

    is_clean(printed(log), 1)
    recorded = {"client": text, "sinks": [text]}
    shown = printed(lambda: StandardError().end(recorded))
    is_clean(shown, 1)
    assert json.loads(shown)["client"] == text
    is_clean(Chain(None).seal(recorded, START)[0].decode("ascii"), 1)


@given(ANY)
@example(FORGED)
@settings(deadline=None, max_examples=60)
def test_messages_are_the_lines_that_they_are_made_of(text: str) -> None:
    told = list(lines(f"a{text}"))
    is_clean(events.text(told), len(told))
    is_clean(events.title("secret-bridge:", text), 1)


@given(ANY)
@example(FORGED)
@settings(deadline=None, max_examples=20)
def test_reports_hold_nothing_unprintable(text: str) -> None:
    made = report(f"a{text}")
    is_clean(metrics(made))
    rows = list(csv.reader(io.StringIO(table(made))))
    assert len(rows) == len(made.rows) + 1
    for row in rows:
        for cell in row:
            assert all(line.isprintable() for line in cell.split("\n"))
    data = [as_json.line(as_json.shown(as_json.report(row))) for row in made.rows]
    assert all(line.isprintable() for line in "".join(page(made, data)).split("\n"))
    for line in data:
        assert all(each.isprintable() for each in strings(json.loads(line)))


def strings(told: object) -> Iterable[str]:
    if isinstance(told, str):
        yield told
    elif isinstance(told, dict | list):
        for each in told.values() if isinstance(told, dict) else told:
            yield from strings(each)


def test_the_whole_is_shown_and_nothing_is_dropped() -> None:
    shown = printed(lambda: say(FORGED)).removesuffix("\n")
    assert shown.replace("\\u003a:", "::").encode("ascii").decode("unicode_escape") == FORGED


def test_nothing_prints_but_by_the_one_function() -> None:
    """Others that write to a stream: values and masks for programs, the record's lines (in ASCII), and a footer."""
    root = Path(__file__).parents[3] / "bridge"
    direct = re.compile(r"sys\.std(?:out|err)\.write|typer\.echo|typer\.secho|(?<![\w.])print\(")
    found = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if "sandbox" not in path.parts and direct.search(path.read_text("utf-8"))
    }
    assert found == {
        "audit/write.py", "cli/commands/use.py", "cli/output/console.py", "cli/output/footer.py", "config/schema.py"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("colour", "no_color", "terminal", "is_coloured"),
    [
        (Colour.AUTO, "", True, True), (Colour.AUTO, "", False, False), (Colour.AUTO, "1", True, False),
        (Colour.ALWAYS, "1", False, True), (Colour.NEVER, "", True, False),
    ],
)  # fmt: skip
def test_colours_are_for_terminals_unless_the_user_says_otherwise(
    colour: Colour, no_color: str, terminal: bool, is_coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    choose_colour(colour)
    try:
        shown = printed(lambda: say(Line.of("it is ", ("wrong", Tone.BAD))), terminal=terminal)
    finally:
        choose_colour(Colour.AUTO)
    assert ("\x1b" in shown) is is_coloured
    assert SGR.sub("", shown) == "it is wrong\n"
