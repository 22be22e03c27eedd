"""The table of `status` on terminals of any width."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.cli.output.console import Line, Tone
from bridge.cli.output.status_table import statuses
from bridge.model.client_ref import ClientRef
from bridge.planning.status import Kind, Status, judge
from tests.unit.cli.foreign import BILLING
from tests.unit.planning.sinks import CLIENT, NEW, TENANT, URIS, lock, place

LONG = "0123456789abcdef0123456789abcdef"


def client(name: str, **more: object) -> Status:
    """Return the state of a client with two sinks."""
    found = (place(URIS[0], fallback=NEW, **more), place(URIS[1], fallback=NEW, room=6, edits=2, **more))
    ref = ClientRef(CLIENT, TENANT, name, URIS)
    return judge(replace(BILLING, name=name, max_age=timedelta(hours=1)), ref, found)


def several() -> list[Status]:
    """Return clients in several states, one of which is known by its id alone."""
    held = lock(actor="github:acme/ops/runs/4711")
    fine = judge(replace(BILLING, name="mailer"), ClientRef(CLIENT, TENANT, "mailer", URIS), (place(), place(URIS[0])))
    named = [f"{uri}/{'very/' * n}long-name" for n, uri in enumerate(URIS)]
    bare = replace(client(LONG), next=ClientRef(LONG, TENANT, LONG, tuple(named)).command("rotate"))
    return [client("billing", lock=held), client("orders"), bare, fine, client("a", manager="terraform")]


@pytest.mark.parametrize("width", [40, 60, 80, 100, 140, 200])
def test_no_word_is_broken_and_only_a_single_word_is_longer_than_a_line(width: int) -> None:
    shown = [str(line) for line in statuses(several(), width)]
    known = set(" ".join(statuses(several(), None)).replace(";", " ").split())
    for line in shown:
        told = line.replace("->", "").removesuffix(" \\").replace(";", " ").split()
        assert len(line) <= width or len(told) == 1, line
        assert set(told) <= known | {"age", "fallback", "!"}


@pytest.mark.parametrize("width", [60, 80, 140])
def test_what_fits_stays_within_the_terminal(width: int) -> None:
    assert all(len(line) <= width for line in statuses([client("billing"), client("orders")], width))


@pytest.mark.parametrize("width", [60, 80, 140])
def test_a_command_over_several_lines_can_be_copied_into_a_shell(width: int) -> None:
    (bare,) = (seen for seen in several() if seen.client == LONG)
    text = "\n".join(statuses([bare], width)).partition("-> ")[2].partition("\n1 client")[0]
    assert shlex.split(text.replace("\\\n", " ")) == shlex.split(bare.next or "")


@given(st.integers(20, 300))
@settings(deadline=None, max_examples=50)
def test_every_width_shows_every_client_and_every_command(width: int) -> None:
    shown = " ".join(" ".join(statuses(several(), width)).replace("\\", " ").split())
    for seen in several():
        assert seen.client in shown
        assert (seen.next or "") in shown


def test_without_a_terminal_each_client_has_one_line() -> None:
    shown = list(statuses(several(), None))
    assert len(shown) == len(several()) + 2
    assert re.search(r"-> secret-bridge rotate orders$", next(line for line in shown if " orders " in line))


@pytest.mark.parametrize("width", [None, 50, 120])
def test_each_colour_has_a_word_beside_it(width: int | None) -> None:
    toned = [part for line in statuses(several(), width) if isinstance(line, Line) for part in line.parts if part[1]]
    assert {tone for _, tone in toned} <= {*Tone}
    assert {text for text, _ in toned} >= {"!", "ok", Kind.INTERRUPTED.label, Kind.DUE.label}
