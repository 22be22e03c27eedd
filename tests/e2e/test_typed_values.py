"""A value that somebody types at a terminal: it is taken, and nobody behind them reads it."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tests.e2e.command import sinks
from tests.e2e.terminal import Terminal
from tests.e2e.world import MakeWorld, World

AGAIN = "Repeat for confirmation: "


def type_hidden(terminal: Terminal, prompt: str, typed: str) -> None:
    """Type a line at a prompt, once it is there; it must not be shown while it is typed."""
    terminal.until(prompt)
    assert not terminal.echoes, prompt
    terminal.type(f"{typed}\n")


def assert_unseen(terminal: Terminal, *values: str) -> None:
    """Nothing of the values was shown, and the terminal shows again what is typed."""
    for value in values:
        parts = [value[at : at + 8] for at in range(0, len(value) - 7, 4)]
        assert not [part for part in parts if part in terminal.shown]
    assert terminal.echoes


def at_terminal(world: World, home: Path, *words: str) -> Terminal:
    verb, *options = words
    return Terminal(verb, world.client_id, *sinks(world), *options, environ=world.environment, home=home)


def a_new_value(_world: World) -> str:
    return secrets.token_urlsafe(48)


def the_live_value(world: World) -> str:
    return world.live


def in_the_dashboard(world: World) -> str:
    value = world.tenant.set_in_dashboard(world.client_id)
    world.spread()
    return value


CASES = {
    "rotate": (("rotate", "--adopt", "--no-wait", "-v"), "The new client secret: ", a_new_value),
    "adopt": (("adopt", "--yes", "-v"), "The live client secret: ", the_live_value),
    "sync": (("sync", "-v"), "The live client secret: ", in_the_dashboard),
}


@pytest.mark.parametrize("name", CASES)
def test_a_value_that_is_typed_is_taken_and_shown_nowhere(make_live: MakeWorld, tmp_path: Path, name: str) -> None:
    words, prompt, bring = CASES[name]
    world = make_live(ends="vault")
    world.fill()
    if name == "sync":
        world.adopt()
    value = bring(world)
    with at_terminal(world, tmp_path, *words, "--secret-stdin") as terminal:
        type_hidden(terminal, prompt, value)
        type_hidden(terminal, AGAIN, value)
        assert terminal.ended() == 0, terminal.shown
        assert_unseen(terminal, value)
    assert world.live == value
    assert world.vault.see().current == value


def test_a_value_that_was_mistyped_is_asked_for_again(make_live: MakeWorld, tmp_path: Path) -> None:
    world = make_live(ends="vault")
    world.fill()
    value, mistyped = (secrets.token_urlsafe(48) for _ in range(2))
    with at_terminal(world, tmp_path, "rotate", "--adopt", "--no-wait", "--secret-stdin") as terminal:
        for typed, again in ((value, mistyped), (value, value)):
            type_hidden(terminal, "The new client secret: ", typed)
            type_hidden(terminal, AGAIN, again)
        assert terminal.ended() == 0, terminal.shown
        assert "do not match" in terminal.shown
        assert_unseen(terminal, value, mistyped)
    assert world.live == value


@pytest.mark.parametrize("typed", ["\x03", "\x04"], ids=["Ctrl-C", "Ctrl-D"])
def test_who_types_none_changes_nothing_and_sees_again_what_they_type(
    make_live: MakeWorld, tmp_path: Path, typed: str
) -> None:
    world = make_live(ends="vault")
    world.fill()
    before = world.dump()
    with at_terminal(world, tmp_path, "rotate", "--adopt", "--secret-stdin") as terminal:
        terminal.until("The new client secret: ")
        terminal.type(typed)
        assert terminal.ended(pressing=typed) not in (0, 3), terminal.shown
        assert "Traceback" not in terminal.shown
        assert_unseen(terminal)
    assert world.dump() == before
