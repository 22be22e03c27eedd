"""The ledger: an edited or impossible one is an error, a stale one a warning that refuses a release."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.proofs import __main__ as command
from tests.proofs import ledger, page
from tests.proofs.ledger import Line
from tests.proofs.registry import PROOFS

NOW = {name: f"{number:016x}" for number, name in enumerate(PROOFS)}
LINE = Line("0" * 16, 10, 10, "2026-01-02", "", 60, {"hvac": "2.4.0"})


def whole() -> dict[str, Line]:
    return {name: replace(LINE, fingerprint=NOW[name], command=PROOFS[name].command) for name in PROOFS}


def test_the_kept_ledger_is_sound() -> None:
    ledger.read()


def test_the_page_quotes_the_kept_ledger() -> None:
    assert page.block(page.PAGE.read_text("utf-8")) == page.quoted(ledger.read())


def test_it_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "proofs.json"
    ledger.write(whole(), path)
    assert ledger.read(path) == whole()
    assert ledger.stale(whole(), NOW) == []


def test_an_edited_one_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "proofs.json"
    ledger.write(whole(), path)
    path.write_text(path.read_text().replace('"date": "2026-01-02"', '"date": "2026-01-03"', 1))
    with pytest.raises(ValueError, match="edited by hand"):
        ledger.read(path)


IMPOSSIBLE: dict[str, tuple[Callable[[dict[str, Line]], Any], str]] = {
    "more passed than there are": (lambda lines: lines.update(deaths=replace(lines["deaths"], passed=11)), "11 of 10"),
    "none": (lambda lines: lines.update(deaths=replace(lines["deaths"], cases=0, passed=0)), "0 of 0"),
    "less than none": (lambda lines: lines.update(deaths=replace(lines["deaths"], passed=-1)), "-1 of 10"),
    "no number": (lambda lines: lines.update(deaths=replace(lines["deaths"], cases="10")), "cannot be"),  # type: ignore[arg-type]  # the fault
    "no fingerprint": (lambda lines: lines.update(deaths=replace(lines["deaths"], fingerprint="x")), "fingerprint"),
    "in the future": (lambda lines: lines.update(deaths=replace(lines["deaths"], date="2999-01-01")), "in the future"),
    "no date": (lambda lines: lines.update(deaths=replace(lines["deaths"], date="soon")), "no date"),
    "unknown": (lambda lines: lines.update(other=lines["deaths"]), "no such proof"),
    "another command": (lambda lines: lines.update(deaths=replace(lines["deaths"], command="true")), "its command"),
}


@pytest.mark.parametrize("which", IMPOSSIBLE)
def test_one_that_cannot_be_is_an_error_whatever_its_checksum(tmp_path: Path, which: str) -> None:
    change, told = IMPOSSIBLE[which]
    lines = whole()
    change(lines)
    ledger.write(lines, tmp_path / "proofs.json")
    with pytest.raises(ValueError, match=told):
        ledger.read(tmp_path / "proofs.json")


def test_what_is_stale_or_missing_says_what_to_run() -> None:
    lines = whole()
    lines["deaths"] = replace(lines["deaths"], fingerprint="f" * 16)
    lines["kill"] = replace(lines["kill"], passed=7)
    del lines["model"]
    told = "\n".join(ledger.stale(lines, NOW))
    assert "deaths: the code has changed since 2026-01-02; run: python -m tests.resilience.deaths" in told
    assert "kill: 3 of 10 cases are missing; run: python -m tests.resilience.kill" in told
    assert "model: never recorded; run: python -m tests.resilience.model" in told


@pytest.mark.parametrize(("options", "status", "word"), [((), 0, "warning: "), (("--release",), 1, "missing: ")])
def test_a_stale_one_warns_and_refuses_a_release(
    options: tuple[str, ...], status: int, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    path = tmp_path / "proofs.json"
    ledger.write(whole(), path)
    monkeypatch.setattr(ledger.read, "__defaults__", (path,))
    assert command.main(options) == status
    assert word + "deaths: the code has changed" in capsys.readouterr().err


def test_an_edited_one_ends_the_command_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "proofs.json"
    path.write_text(json.dumps({"checksum": "", "proofs": {}}))
    monkeypatch.setattr(ledger.read, "__defaults__", (path,))
    assert command.main([]) == 1
    assert "edited by hand" in capsys.readouterr().err


def test_what_has_passed_in_parts_is_kept_until_the_code_or_a_library_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "proofs.json"
    ledger.write(whole(), path)
    assert ledger.kept("deaths", path) is None
    monkeypatch.setattr(ledger, "of", lambda proof: "a" * 16)
    part = ledger.Parts("a" * 16, 3, {"one": 5, "two": 7}, {"one": 2, "two": 3}, ledger.libraries())
    ledger.keep("deaths", part, path)
    assert ledger.kept("deaths", path) == part
    assert ledger.read(path) == whole()
    for other in (replace(part, fingerprint="b" * 16), replace(part, libraries={**part.libraries, "hvac": "0"})):
        ledger.keep("deaths", other, path)
        assert ledger.kept("deaths", path) is None
    ledger.keep("deaths", part, path)
    ledger.record("deaths", cases=12, passed=12, seconds=5, path=path)
    assert ledger.kept("deaths", path) is None
    assert "parts" not in json.loads(path.read_text())


@pytest.mark.parametrize("fault", [('"one": 5', '"one": 6'), ('"of": 3', '"of": 2')])
def test_parts_that_were_edited_are_an_error(tmp_path: Path, fault: tuple[str, str]) -> None:
    path = tmp_path / "proofs.json"
    ledger.write(whole(), path, {"deaths": ledger.Parts("a" * 16, 3, {"one": 5, "two": 7}, {"one": 2, "two": 3})})
    path.write_text(path.read_text().replace(*fault, 1))
    with pytest.raises(ValueError, match="edited by hand"):
        ledger.read(path)
    ledger.write(whole(), path, {"deaths": ledger.Parts("a" * 16, 2, {"one": 5, "two": 7}, {"one": 2, "two": 3})})
    with pytest.raises(ValueError, match="deaths: its parts cannot be"):
        ledger.read(path)
