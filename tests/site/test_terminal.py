"""The pictures of a terminal have the words that the program prints today."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.site import terminal

pytestmark = pytest.mark.timeout(600)  # of a busy machine; alone a minute
AGAIN = "run: python -m tests.site.terminal"


@pytest.mark.parametrize(("picture", "show"), [(terminal.DEMO, terminal.demo), (terminal.STATUS, terminal.status)])
def test_a_picture_has_the_words_of_the_command(picture: Path, show: object, tmp_path: Path) -> None:
    shown = show(tmp_path)  # type: ignore[operator]  # one of the two functions
    assert terminal.words(picture.read_text("utf-8")) == terminal.words(shown), AGAIN


def test_other_words_are_seen_and_other_times_numbers_and_ids_are_not() -> None:
    shown = "$ x\r\n\x1b[1mdone\x1b[0m in 4.3 s, v2 <b4f20acd>\r\n"
    picture = terminal.drawn("What it is.", shown)
    assert terminal.words(picture) == terminal.words(shown) == terminal.words("$ x done in 7 min, v13 <0123abcd>")
    assert terminal.words(picture) != terminal.words(shown.replace("done", "gone"))
