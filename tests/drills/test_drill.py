"""A page and a run of it are told apart where they differ, and only there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.pages import DOCS
from tests.drills.drill import fits, steps

SHOWN = """\
21:12:39 promote  local://secret/apps/billing v3 current, no fallback
…
  proven: Auth0 accepts the current value (10 probes in 4 s; 2 came too early) and refuses the one before (6 of 6)
  Record: audit seq 4 (anchor 4:71bc8413433c13e3992f760e8c358192)
"""
PRINTED = """\
configuration: bridge.toml
03:00:00 promote  local://secret/apps/billing v3 current, no fallback
something else
  proven: Auth0 accepts the current value (12 probes in 1 min; 1 came too early) and refuses the one before (6 of 6)
  Record: audit seq 4 (anchor 4:00000000433c13e3992f760e8c358192)
result=rotated client=billing exit=0
"""


def test_times_figures_and_ids_may_differ() -> None:
    assert fits(SHOWN, PRINTED)
    assert fits("mailer  since 2026-11-23T21:12Z  by 2026-12-07", "mailer  since 2027-01-01T00:00Z  by 2027-01-15\n")


@pytest.mark.parametrize(
    ("said", "instead"),
    [("no fallback", "v2 fallback"), ("v3 current", "v4 current"), ("refuses", "accepts"), ("seq 4", "seq 5"),
     ("local://", "use1://")],
)  # fmt: skip
def test_a_word_a_version_or_a_number_of_a_line_may_not(said: str, instead: str) -> None:
    assert not fits(SHOWN, PRINTED.replace(said, instead))


def test_a_line_more_or_less_is_noticed_where_the_page_leaves_nothing_out() -> None:
    assert not fits("one\ntwo", "one\nand\ntwo\n")
    assert not fits("one\ntwo", "one\n")


@pytest.mark.parametrize("page", sorted((DOCS / "guide" / "drills").glob("*.md")), ids=lambda page: page.stem)
def test_every_page_of_a_drill_is_typed_somewhere_and_shows_what_it_prints(page: Path) -> None:
    found = steps(page)
    shown = [step for step in found if step.shown is not None]
    assert len(shown) > len(found) / 2 > 5
    typed = (Path(__file__).parent / f"test_{page.stem.replace('-', '_')}.py").read_text("utf-8")
    assert f'"drills" / "{page.name}"' in typed
