"""docs/guide/drills/quarterly-review.md, typed from top to bottom: it finds what was planted, and leaves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.audit.chain import Chain, head_in
from bridge.audit.verify import verify
from sinks.secret import Secret
from tests.canary.stage import leaks
from tests.docs.pages import DOCS
from tests.drills.drill import Drill, begun

PAGE = DOCS / "guide" / "drills" / "quarterly-review.md"
FALLBACKS = ("billing", "mailer")


@pytest.mark.timeout(600)
def test_the_review_finds_what_was_planted_and_the_servers_agree(tmp_path: Path) -> None:
    with begun(PAGE, tmp_path) as drill:
        drill.through("A quarter goes by")
        old = {name: drill.values(name)[0] for name in FALLBACKS}
        assert [len(drill.values(name)) for name in FALLBACKS] == [2, 2]
        tokens = {*drill.type("printf '%s\\n' $OPERATOR $AUDITOR $SECURITY")[0].split()}
        drill.through("How everything stands")
        assert {name: fallback(drill, name) for name in FALLBACKS} == old
        drill.through("Fallbacks")
        for name in FALLBACKS:
            assert_retired(drill, name, old[name])
        assert len(drill.values("orders")) == 1  # who reviews sets nothing at Auth0
        drill.through("The bridge's own credentials")
        first, second = drill.values("secret-bridge")
        audience = f"{drill.variables['AUTH0_DOMAIN']}/api/v2/"
        assert drill.accepts("secret-bridge", second, audience)
        assert not drill.accepts("secret-bridge", first, audience)
        assert len(drill.values("orders")) == 2
        assert len(drill.values("legacy")) == 1  # excepted
        drill.through("Sign-off")
        assert not drill.waiting
        assert_nothing_is_shown(drill, tokens)
        assert_the_record_is_whole(drill)


def fallback(drill: Drill, name: str) -> str | None:
    with drill.vault(name) as vault, drill.aws(name) as aws:
        assert vault.see().fallback == aws.see().fallback
        return vault.see().fallback


def assert_retired(drill: Drill, name: str, value: str) -> None:
    """No version in Vault holds it, no label of AWS leads to it; the live one is in both."""
    with drill.vault(name) as vault, drill.aws(name) as aws:
        for seen in (vault.see(), aws.see()):
            assert seen.current == drill.values(name)[-1]
            assert value not in seen.readable
            assert seen.fallback is None


def assert_nothing_is_shown(drill: Drill, tokens: set[str]) -> None:
    key = (drill.directory / "audit.key").read_text().strip()
    found = {"printed": drill.printed, **drill.files(but=("sandbox.env", "audit.key"))}
    assert {"review.html", "review.csv", "signed-off.html", "audit.jsonl", "this-quarter.txt"} <= set(found)
    assert len(tokens) == 3
    for name, text in found.items():
        assert leaks(text, {*drill.secrets(), *tokens, key}) == [], name


def assert_the_record_is_whole(drill: Drill) -> None:
    """With the collector's copy and the file that goes on from it; without the copy it is not."""
    key = Secret((drill.directory / "audit.key").read_text().strip())
    texts = [(drill.directory / name).read_bytes().splitlines(True) for name in ("shipped.jsonl", "audit.jsonl")]
    anchors = [head_in((drill.directory / f"{name}-quarter.txt").read_text().strip()) for name in ("last", "this")]
    known = tuple(anchor for anchor in anchors if anchor)
    assert len(known) == 2
    found = verify([*texts[0], *texts[1]], Chain(key), known)
    assert (found.faults, found.open, found.head) == ((), (), known[1])
    cut = (drill.directory / "audit-cut.jsonl").read_bytes().splitlines(True)
    assert verify([*cut, *texts[1]], Chain(key), known).faults
