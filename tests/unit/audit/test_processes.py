"""Many processes at once, and processes that are killed."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.resilience.races.field import Field, MakeField
from tests.resilience.races.operators import Operators
from tests.unit.audit.record import Record

ROOT = Path(__file__).parents[3]
KEY = "a key that nobody guesses, 0123456789"
PROCESSES, ROUNDS = 100, 2


def test_a_hundred_processes_at_once_tear_no_line_and_break_no_chain(tmp_path: Path) -> None:
    record = Record(tmp_path / "audit.jsonl", KEY)
    program = f"""
        import os, sys
        from pathlib import Path
        from tests.unit.audit.record import Record

        record = Record(Path({str(record.path)!r}), {KEY!r})
        ready, start = os.pipe()
        children = []
        for number in range({PROCESSES}):
            child = os.fork()
            if not child:
                os.close(start)
                os.read(ready, 1)  # until all are there
                for _ in range({ROUNDS}):
                    made, begun = record.begin(f"client{{number}}", reason="x" * 5000)
                    record.end(made, begun)
                os._exit(0)
            children.append(child)
        os.close(start)
        sys.exit(any(os.waitpid(child, 0)[1] for child in children))
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, check=True, timeout=150)
    told = record.told  # every line is whole, or this fails
    assert [line["seq"] for line in told] == list(range(1, 2 * PROCESSES * ROUNDS + 1))
    found = record.verified()
    assert (found.good, found.open, found.faults) == (True, (), ())
    begun = {line["seq"]: line["attempt"] for line in told if line["event"] == "begin"}
    assert all(begun[line["begin"]] == line["attempt"] for line in told if line["event"] == "end")


@pytest.fixture
def field(make_field: MakeField) -> Field:
    return make_field(4)


def recording(record: Record) -> dict[str, str]:
    return {"BRIDGE_AUDIT": f"file:{record.path}", "BRIDGE_AUDIT_KEY": KEY}


def test_a_kill_between_beginning_and_end_is_closed_by_the_next_command(
    field: Field, operators: Operators, tmp_path: Path
) -> None:
    record = Record(tmp_path / "audit.jsonl", KEY)
    field.urls = recording(record)
    (world,) = field.filled(1, "vault", "aws")
    killed = operators.spawn(field.command(world, "one", "rotate", "--adopt"))
    end = time.monotonic() + 60
    while world.live == world.s0:  # the beginning stands there before anything is changed
        assert time.monotonic() < end, "nothing was changed"
        assert not killed.over, killed.ended()
        time.sleep(0.005)
    killed.kill()
    killed.ended()
    assert record.events == ["begin"]
    assert record.verified().open == (1,)
    operators.start(field.command(world, "two", "resume", "--takeover", "--no-wait"))
    ((resumed,),) = operators.join()
    assert resumed.status == 0, resumed.err
    assert record.events == ["begin", "end", "begin", "end"]
    closed, begun = record.told[1], record.told[2]
    assert (closed["outcome"], closed["begin"], closed["exit"]) == ("unknown: died", 1, None)
    assert (closed["command"], begun["command"]) == ("rotate", "resume")
    assert begun["claimed"]["run"] == "github:acme/two/runs/4711"
    assert record.verified().good
    assert record.verified().open == ()


def test_commands_that_race_close_nothing_of_each_other(
    make_field: MakeField, operators: Operators, tmp_path: Path
) -> None:
    record = Record(tmp_path / "audit.jsonl", KEY)
    field = make_field(3, **recording(record))
    (world,) = field.adopted(1, "vault")
    operators.start(*(field.command(world, f"{n}", "rotate", "--no-wait") for n in range(4)))
    (ended,) = operators.join()
    told = record.told
    assert sorted(line["event"] for line in told) == ["begin"] * 4 + ["end"] * 4
    recorded = {line["attempt"]: line["exit"] for line in told if line["event"] == "end"}
    statuses = sorted(one.status for one in ended)
    assert (sorted(recorded.values()), statuses[0], {*statuses} <= {0, 4}) == (statuses, 0, True), ended
    assert set(recorded) == {line["attempt"] for line in told if line["event"] == "begin"}
    assert record.verified().good
