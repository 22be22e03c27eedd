"""The file: its safety, its owner, torn lines, rotation by rename, who is closed and who is not."""

from __future__ import annotations

import os
import resource
import signal
import stat
import subprocess
import sys
import textwrap
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bridge.audit import process
from bridge.audit.process import host, runs, this_process
from bridge.audit.write import ELSEWHERE, NotWritten
from tests.unit.audit.record import Record, attempt

ROOT = Path(__file__).parents[3]
KEY = "a key that nobody guesses"


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return Record(tmp_path / "audit.jsonl", KEY)


def dead_process() -> dict[str, object]:
    """Return a process that has ended: its id may be anybody's now, its start is not."""
    return {**this_process(), "started": "1"}


def test_files_are_made_for_their_owner_only_whatever_the_umask(record: Record) -> None:
    before = os.umask(0)
    try:
        record.fill(1)
    finally:
        os.umask(before)
    for path in record.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_neither_the_file_nor_its_lock_is_written_through_a_link(record: Record, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("somebody else's", "utf-8")
    for name in (record.path.name, f"{record.path.name}.lock"):
        link = record.path.with_name(name)
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        with pytest.raises(NotWritten, match="a link, which is not followed"):
            record.begin()
        link.unlink()
    assert target.read_text("utf-8") == "somebody else's"


def test_a_pipe_is_refused_and_nobody_waits_for_its_reader(record: Record) -> None:
    os.mkfifo(record.path)
    with pytest.raises(NotWritten, match="not a plain file"):
        record.begin()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("suffix", ["", ".lock"])
@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("hard link", "it has more than one name"),
        ("another's", "it belongs to another user"),
        ("666", "it may be written to by everybody"),
        ("602", "it may be written to by everybody"),
        ("660", "it may be written to by its group"),
        ("620", "it may be written to by its group"),
    ],
)
def test_a_file_that_another_user_could_have_made_or_can_change_is_refused(
    record: Record, tmp_path: Path, suffix: str, how: str, why: str
) -> None:
    record.fill(1)
    path = record.path.with_name(record.path.name + suffix)
    victim = tmp_path / "victim"
    victim.write_text("a file of ours", "utf-8")
    if how == "hard link":
        path.unlink()
        path.hardlink_to(victim)
    elif how == "another's":
        os.chown(path, 65534, 65534)
    else:
        path.chmod(int(how, 8))
    before = path.read_bytes()
    with pytest.raises(NotWritten, match=f"cannot be written to {record.path}: {why}") as caught:
        record.begin()
    assert caught.value.exit_status == 1
    assert "mend that" in str(caught.value.hint)
    assert path.read_bytes() == before
    assert victim.read_text("utf-8") == "a file of ours"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("another's", "its directory belongs to another user"),
        ("777", "its directory may be written to by everybody"),
        ("770", "its directory may be written to by its group"),
        ("another's link", "its directory belongs to another user"),
    ],
)
def test_a_directory_in_which_another_user_could_replace_the_file_is_refused(
    tmp_path: Path, how: str, why: str
) -> None:
    directory = tmp_path / "records"
    directory.mkdir(0o700)
    named = directory
    if how == "another's link":
        named = tmp_path / "link"
        named.symlink_to(directory)
        os.chown(named, 65534, 65534, follow_symlinks=False)
    elif how == "another's":
        os.chown(directory, 65534, 65534)
    else:
        directory.chmod(int(how, 8))
    with pytest.raises(NotWritten, match=why):
        Record(named / "audit.jsonl", KEY).begin()
    assert list(directory.iterdir()) == []


@pytest.mark.parametrize(("directory", "file"), [(0o755, 0o600), (0o1777, 0o600), (0o750, 0o640), (0o700, 0o644)])
def test_what_others_may_only_read_is_written(record: Record, directory: int, file: int) -> None:
    record.fill(1)
    record.path.parent.chmod(directory)
    record.path.chmod(file)
    record.fill(1)
    assert record.verified().good


def test_nothing_stays_open(record: Record, open_files: None) -> None:
    record.fill(3)
    record.path.unlink()
    record.path.mkdir()
    with pytest.raises(NotWritten):
        record.begin()


def test_after_a_torn_line_the_next_one_begins_where_a_line_begins(record: Record) -> None:
    heads = record.fill(2)
    with record.path.open("ab") as file:
        file.write(record.lines[0][:40])
    more = record.fill(1)
    assert [head.seq for head in more] == [5, 6]
    found = record.verified(*heads, *more)
    assert found.good, found.faults
    assert any("line 5 is torn" in note for note in found.notes)


def test_a_last_line_whose_break_is_missing_counts(record: Record) -> None:
    record.fill(1)
    record.path.write_bytes(record.path.read_bytes().rstrip(b"\n"))
    record.fill(1)
    assert record.verified().good
    assert len(record.lines) == 4


def test_a_file_that_ends_with_much_rubbish_is_gone_on_with_from_its_last_whole_line(record: Record) -> None:
    heads = record.fill(1)
    with record.path.open("ab") as file:
        file.write((b"x" * 1000 + b"\n") * 200)
    record.fill(1)
    found = record.verified(*heads)
    assert found.good, found.faults


def test_a_file_that_was_moved_away_is_gone_on_with_in_a_new_one(record: Record) -> None:
    """As logrotate does, also with `create`; between the two lines of an attempt."""
    record.fill(1)
    made, begun = record.begin()
    older = record.lines
    record.path.rename(record.path.with_name("audit.jsonl.1"))
    record.path.touch()
    record.end(made, begun)
    record.fill(1)
    assert record.verified(lines=older + record.lines).good
    assert not record.verified().good
    assert record.verified(begun).good


def test_a_file_that_was_emptied_in_place_goes_on_too(record: Record) -> None:
    record.fill(1)
    older = record.lines
    os.truncate(record.path, 0)
    record.fill(1)
    assert record.verified(lines=older + record.lines).good


def test_another_key_is_refused_until_the_file_is_moved_away(record: Record) -> None:
    heads = record.fill(1)
    other = Record(record.path, "another key, as good as any")
    with pytest.raises(NotWritten, match="with another key"):
        other.begin()
    with pytest.raises(NotWritten, match="with another key"):
        Record(record.path).begin()
    assert len(record.lines) == 2
    record.path.rename(record.path.with_name("older"))
    other.fill(1)
    assert other.verified(heads[-1]).good


def test_a_full_disk_takes_nothing_and_leaves_no_torn_line(record: Record) -> None:
    """A file may grow to a size that the next line does not fit into: what was written of it is taken back."""
    record.fill(1)
    before = record.path.read_bytes()
    program = f"""
        import resource, signal
        from pathlib import Path
        from bridge.audit.write import NotWritten
        from tests.unit.audit.record import Record

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before) + 100}, resource.RLIM_INFINITY))
        try:
            Record(Path({str(record.path)!r}), {KEY!r}).begin()
        except NotWritten as error:
            print(error.message)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "File too large" in done.stdout, done.stdout + done.stderr
    assert record.path.read_bytes() == before
    record.fill(1)
    assert record.verified().good


def test_the_limit_that_the_test_sets_is_one(record: Record) -> None:
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] == resource.RLIM_INFINITY
    assert signal.getsignal(signal.SIGXFSZ) is signal.SIG_IGN  # Python's own choice: an error, not a death


def test_the_next_beginning_closes_what_died_of_the_same_client_first(record: Record) -> None:
    _, died = record.begin(process=dead_process())
    _, begun = record.begin()
    assert record.events == ["begin", "end", "begin"]
    closed = record.told[1]
    assert (closed["outcome"], closed["begin"], begun.seq) == ("unknown: died", died.seq, 3)
    assert closed["attempt"] == record.told[0]["attempt"]
    assert closed["closed_by"] == record.told[2]["attempt"]
    assert record.verified().open == (begun.seq,)


def test_it_is_closed_once(record: Record) -> None:
    record.begin(process=dead_process())
    record.fill(2)
    assert record.events == ["begin", "end", *["begin", "end"] * 2]


def test_another_client_closes_nothing(record: Record) -> None:
    record.begin(process=dead_process())
    record.begin("mailer")
    record.begin(tenant="another")
    assert record.events == ["begin"] * 3


def test_what_still_runs_is_not_closed(record: Record) -> None:
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started = Path(f"/proc/{other.pid}/stat").read_text("utf-8").rpartition(")")[2].split()[19]
    _, theirs = record.begin(process={**this_process(), "pid": other.pid, "started": started})
    record.fill(1)
    assert record.events == ["begin", "begin", "end"]
    other.communicate(b"\n", timeout=30)
    record.fill(1)
    assert record.told[3]["begin"] == theirs.seq
    assert record.told[3]["outcome"] == "unknown: died"


def test_whether_a_process_runs_is_told_by_its_start_its_boot_and_its_namespace() -> None:
    mine, parent = this_process(), os.getppid()
    assert runs(mine, host()) is False  # this one's own earlier attempt is over
    alive = {**mine, "pid": parent, "started": _start_of(parent)}
    assert runs(alive, host()) is True
    assert runs({**alive, "started": "1"}, host()) is False
    assert runs({**alive, "boot": "another"}, host()) is False
    assert runs({**alive, "boot": "another"}, "another host") is None
    assert runs({**alive, "space": "pid:[1]"}, host()) is None
    assert runs({**alive, "pid": 2**22 + 1}, host()) is False


def _start_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[19]


def test_a_system_without_proc_is_not_asked_and_its_processes_are_known_by_their_ids(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "PROC", tmp_path)
    mine = process.this_process()
    assert mine == {"pid": os.getpid(), "started": None, "boot": None, "space": None}
    assert process.runs({**mine, "pid": os.getppid()}, process.host()) is True
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    assert process.runs({**mine, "pid": ended.pid}, process.host()) is False
    assert process.runs({**mine, "pid": os.getppid()}, "another") is None


def test_what_cannot_be_seen_from_here_counts_as_dead_after_a_day(record: Record) -> None:
    elsewhere = {**this_process(), "space": "pid:[1]"}
    made = attempt(process=elsewhere, host="a pod")
    record.target.begin(made, datetime.now(UTC) - ELSEWHERE + timedelta(minutes=1))
    record.begin()
    assert record.events == ["begin", "begin"]
    record.path.unlink()
    record.target.begin(made, datetime.now(UTC) - ELSEWHERE - timedelta(minutes=1))
    record.begin()
    assert record.events == ["begin", "end", "begin"]


def test_a_lock_that_nobody_gives_back_is_not_waited_for_for_ever(
    record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    record.fill(1)
    monkeypatch.setattr("bridge.audit.files.PATIENCE", 0.05)
    with record.path.with_name("audit.jsonl.lock").open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(NotWritten, match="another process holds its lock"):
            record.begin()
    record.fill(1)
    assert record.verified().good
