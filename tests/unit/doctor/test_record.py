"""What is wrong with the file of the audit record: by the words of the command that is refused, with the remedy."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bridge.audit import files
from bridge.config.settings import AuditSettings
from bridge.doctor import Finding
from bridge.doctor.record import check
from bridge.doctor.report import Report
from sinks.diagnosis import Severity


def point_elsewhere(path: Path) -> None:
    path.symlink_to(path.with_name("elsewhere"))


def make_a_directory(path: Path) -> None:
    path.mkdir()


def let_everybody_write(path: Path) -> None:
    path.touch()
    path.chmod(0o666)


def let_everybody_lock(path: Path) -> None:
    let_everybody_write(path.with_name("record.lock"))


def let_everybody_replace(path: Path) -> None:
    path.parent.chmod(0o777)


def give_it_a_second_name(path: Path) -> None:
    path.write_text("kept", "utf-8")
    path.with_name("another").hardlink_to(path)


def give_the_lock_a_second_name(path: Path) -> None:
    give_it_a_second_name(path.with_name("record.lock"))


def found(path: Path, kind: str = "file:") -> list[Finding]:
    report = Report("audit record", "")
    check(report, AuditSettings(f"{kind}{path}"))
    return report.findings


@pytest.mark.parametrize(
    ("breaks", "words"),
    [
        (point_elsewhere, "record is not a plain file"),
        (make_a_directory, "record is not a plain file"),
        (let_everybody_write, "record may be written to by everybody"),
        (let_everybody_lock, "record.lock may be written to by everybody"),
        (let_everybody_replace, "may be written to by everybody"),
        (give_it_a_second_name, "record has more than one name (hard links)"),
        (give_the_lock_a_second_name, "record.lock has more than one name (hard links)"),
        (lambda path: path.parent.rmdir(), "cannot be used (FileNotFoundError)"),
    ],
)
def test_what_the_command_would_refuse_is_found_and_what_is_printed_mends_it(
    tmp_path: Path, breaks: Callable[[Path], None], words: str
) -> None:
    path = tmp_path / "a directory" / "record"
    path.parent.mkdir(mode=0o700)
    breaks(path)
    (one,) = found(path)
    assert (one.severity, one.id) == (Severity.WRONG, "audit-file")
    assert words in one.what
    with pytest.raises(OSError), files.locked(path):  # noqa: PT011  # its class says which, and differs by the reason
        os.close(files.open_safely(path))
    subprocess.run(["sh", "-c", one.remedy], check=True)
    assert [each.severity for each in found(path)] == [Severity.OK]
    with files.locked(path):
        os.close(files.open_safely(path))


def test_a_second_name_is_removed_and_the_content_stays(tmp_path: Path) -> None:
    path = tmp_path / "record"
    give_it_a_second_name(path)
    subprocess.run(["sh", "-c", found(path)[0].remedy], check=True)
    assert path.read_text("utf-8") == "kept"


def test_looking_makes_nothing(tmp_path: Path) -> None:
    assert [each.severity for each in found(tmp_path / "record")] == [Severity.OK]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("target", ["syslog", "stderr"])
def test_other_targets_have_no_file(target: str) -> None:
    report = Report("audit record", "")
    check(report, AuditSettings(target))
    assert report.findings == []
