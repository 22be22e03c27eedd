"""What foreign text looks like where it is shown."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.model.printable import printable

NAMED = [*range(0x20), 0x7F, *range(0x80, 0xA0), 0xA0, 0xAD, 0x61C, 0x2028, 0x2029, 0xFEFF, 0xD800, 0xDFFF, 0xE0001]
NAMED += [*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFFF9, 0xE000, 0x10FFFF]


@pytest.mark.parametrize("code", NAMED, ids=hex)
def test_whatever_is_unprintable_is_an_escape(code: int) -> None:
    shown = printable(f"a{chr(code)}b")
    assert shown.isascii()
    assert shown.encode("ascii").decode("unicode_escape") == f"a{chr(code)}b"


@pytest.mark.parametrize("text", ["Rechnung für Zoë", "账单服务", "מחשב", r"C:\new\table", "it's: a #1 [x] ::", "🔑"])
def test_what_can_be_read_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    "line", ["::stop-commands::x", "  ::add-mask::a", "\t::error::x", "a ##[error]b", "##vso[task.complete]"]
)
def test_no_line_is_a_command_to_the_runner_of_a_ci_job(line: str) -> None:
    shown = printable(line)
    assert not shown.lstrip().startswith("::")
    assert "##[" not in shown
    assert "##vso[" not in shown


@given(st.text(st.characters()))
def test_nothing_unprintable_is_left_and_nothing_else_is_changed(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in shown)
    assert printable(shown) == shown
    if text.isprintable() and ":" not in text and "#" not in text:
        assert shown == text
