"""Plants faults into the product and tells which of them the tests do not notice.

    python -m tests.resilience.planted --map tests/e2e tests/contract -n 2   # once: which test runs which line
    python -m tests.resilience.planted --seed 1 --count 60                   # then: plant, test, keep the verdicts
    python -m tests.resilience.planted --seed 1 --count 60 --show            # or only show what would be planted

The map and the journal stand in `.proofs/planted`. A run that is stopped goes on where it was; after new tests, map
them and ask for what survived with `--again`.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

from tests.resilience.planted.covering import Map
from tests.resilience.planted.drawing import TURNS, area_of, draw, every_fault, sources
from tests.resilience.planted.equivalents import EQUIVALENT
from tests.resilience.planted.journal import Journal, Row, identity, table
from tests.resilience.planted.judging import Bench, Run, Verdict
from tests.resilience.planted.mapping import PARTS
from tests.resilience.planted.operators import Fault

ROOT = Path(__file__).parents[3]
KEPT = ROOT / ".proofs" / "planted"
SHARE = 0.1
"""Of the limit: what its tests may take as they were timed, since servers start anew, perhaps on a busy machine."""

NOTHING = Run(None, "", 0.0, "no test runs it")


def make_map(arguments: Sequence[str]) -> int:
    """Run tests with pytest's own arguments, and add to the map what they ran."""
    KEPT.mkdir(parents=True, exist_ok=True)
    path = KEPT / "map.json"
    with tempfile.TemporaryDirectory() as parts:
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        command += ["-p", "tests.resilience.planted.mapping"]
        subprocess.run([*command, *arguments], cwd=ROOT, env={**os.environ, PARTS: parts}, check=False)
        found = [json.loads(part.read_text()) for part in Path(parts).iterdir()]
    files = sources(ROOT)
    known = Map.read(path) if path.exists() else Map()
    if known.stale(files):
        known = Map()
    whole = () if "-k" in arguments else tuple(word for word in arguments if word.startswith("tests"))
    known = known.merged(found, files, whole)
    known.write(path)
    print(f"{len(known.tests)} tests are in the map")
    return 0 if found else 1


def seconds(text: str) -> float:
    """Read a duration such as 90s, 15m or 2h."""
    number, unit = text[:-1], text[-1:]
    return float(number) * {"s": 1, "m": 60, "h": 3600}[unit]


def part(text: str) -> tuple[int, int]:
    """Read which part of how many: 1/3 is the first of three."""
    number, _, of = text.partition("/")
    if not 1 <= int(number) <= int(of):
        raise ValueError(text)
    return int(number), int(of)


def chosen(told: argparse.Namespace, files: dict[str, str]) -> list[Fault]:
    """Return the faults that are asked for."""
    found = every_fault(files)
    areas: Sequence[str] = TURNS
    if told.only:
        pattern = re.compile(told.only)
        found = [fault for fault in found if pattern.search(f"{fault.change(files[fault.path])} [{fault.kind}]")]
        areas = sorted({area_of(fault.path) for fault in found})
    return list(islice(draw(found, files, told.seed, areas=areas), told.count))[told.shard[0] - 1 :: told.shard[1]]


def judge(faults: Sequence[Fault], files: dict[str, str], told: argparse.Namespace) -> list[Row]:
    """Judge what has no verdict yet, and return all rows."""
    if not (KEPT / "map.json").exists():
        raise SystemExit("there is no map yet of which test runs which line: make it with --map tests/…")
    journal, seen = Journal(KEPT / "journal.jsonl"), Map.read(KEPT / "map.json")
    if old := seen.stale(files):
        raise SystemExit(f"the map is older than {', '.join(old)}: make it again with --map")
    end = time.monotonic() + told.time if told.time else float("inf")
    names = [identity(fault, files[fault.path]) for fault in faults]
    bench = Bench(ROOT, told.limit)
    try:
        for name, fault in zip(names, faults, strict=True):
            if fault.change(files[fault.path]) in EQUIVALENT:
                journal.rows[name] = _row(name, fault, files, verdict=Verdict.EQUIVALENT)
            elif not journal.judged(name, again=told.again) and time.monotonic() < end:
                covering = [n for n in seen.covering(fault, files) if re.search(told.tests, seen.tests[n])]
                if told.tests and not covering:
                    continue
                tests = [seen.tests[number] for number in seen.chosen(covering, told.limit * SHARE)]
                verdict, run = bench.judge(fault, tests) if tests else (Verdict.SURVIVED, NOTHING)
                more: dict[str, object] = {
                    "tests": len(tests),
                    "of": len(covering),
                    "by": run.failed,
                    "seconds": round(run.seconds, 1),
                }
                if verdict is Verdict.UNJUDGED:
                    more["said"] = run.said
                journal.append(_row(name, fault, files, verdict=verdict, **more))
                print(f"{verdict:<10} {run.seconds:5.1f}s  {journal.rows[name]['change']}", flush=True)
    finally:
        bench.close()
    return [journal.rows[name] for name in names if name in journal.rows]


def _row(name: str, fault: Fault, files: dict[str, str], **more: object) -> Row:
    change = fault.change(files[fault.path])
    return {
        "id": name,
        "area": area_of(fault.path),
        "kind": fault.kind,
        "line": fault.lines[0],
        "change": change,
        **more,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Do what is asked for; return 1 if a fault survived or could not be judged."""
    argv = sys.argv[1:] if argv is None else argv
    if argv and argv[0] == "--map":
        return make_map(argv[1:])
    parser = argparse.ArgumentParser(prog="python -m tests.resilience.planted", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--map", action="store_true", help="must come first: all that follows goes to pytest")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="which faults are drawn")
    parser.add_argument("--count", type=int, default=60, metavar="N", help="how many of them")
    parser.add_argument("--for", type=seconds, dest="time", metavar="TIME", help="start no more after, say, 15m")
    parser.add_argument("--shard", type=part, default=(1, 1), metavar="I/N", help="only every N-th, from the I-th on")
    parser.add_argument("--only", metavar="PATTERN", help="only faults whose path, scope, change or kind matches")
    parser.add_argument("--tests", default="", metavar="PATTERN", help="only tests whose name matches: new ones")
    parser.add_argument("--limit", type=float, default=60, metavar="SECONDS", help="for the tests of one fault")
    parser.add_argument("--again", action="store_true", help="judge again what was not killed")
    parser.add_argument("--show", action="store_true", help="show the faults, and run nothing")
    told = parser.parse_args(argv)
    files = sources(ROOT)
    faults = chosen(told, files)
    if told.show:
        print("\n".join(f"# {fault.kind}\n{fault.diff(files[fault.path])}" for fault in faults))
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # the copies are removed then, too
    rows = judge(faults, files, told)
    print(table(rows))
    left = [row for row in rows if row["verdict"] in (Verdict.SURVIVED, Verdict.UNJUDGED)]
    for row in left:
        print(f"{row['verdict']}: {row['change']} (line {row['line']}, {row.get('tests')} of {row.get('of')} tests)")
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
