"""The faults that are planted are those that were meant, and what was judged is not judged again."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest

from tests.resilience.planted.covering import Map, digest
from tests.resilience.planted.drawing import TURNS, area_of, draw
from tests.resilience.planted.journal import Journal, identity, table
from tests.resilience.planted.judging import Verdict
from tests.resilience.planted.operators import counts, faults, optional_keywords

IN_A_FUNCTION = "def work(a, b) -> bool:\n    {}\n"


def planted(source: str, kind: str) -> list[str]:
    """Return what stands in the file's second line with each fault of a kind."""
    optional = optional_keywords(iter(["def call(given, *, more=1): pass"]))
    found = [fault.planted(source) for fault in faults("bridge/x.py", source, optional) if fault.kind == kind]
    return [text.splitlines()[1].strip() for text in found]


@pytest.mark.parametrize(
    ("kind", "before", "after"),
    [
        ("drop a call", "look(a)", ["pass"]),
        ("drop a raise", "raise Lost(a)", ["pass"]),
        ("drop an early return", "return", ["pass"]),
        ("drop an assignment", "a.held = b", ["pass"]),
        ("negate a condition", "x = a if b else 1", ["x = a if not (b) else 1"]),
        ("negate a condition", "x = [y for y in a if y]", ["x = [y for y in a if (not (y))]"]),
        ("swap a comparison", "x = a < b", ["x = a <= b"]),
        ("swap a comparison", "x = a == b != 1", ["x = a != b != 1", "x = a == b == 1"]),
        ("swap a comparison", "x = a not in b", ["x = a in b"]),
        ("change a constant", "x = True", ["x = False"]),
        ("change a constant", "x = range(3)", ["x = range(4)", "x = range(2)"]),
        ("change a constant", "x = 60", ["x = 600", "x = 0"]),
        ("drop an element", "x = a in (1, b)", ["x = a in (b,)", "x = a in (1,)"]),
        ("drop an element", "x = frozenset({a, b})", ["x = frozenset({b})", "x = frozenset({a})"]),
        ("drop an element", "x = {'a': a, 'b': b}", ["x = {'b': b}", "x = {'a': a}"]),
        ("swap min and max", "x = min(a, b)", ["x = max(a, b)"]),
        ("swap any and all", "x = any(a)", ["x = all(a)"]),
        ("swap and and or", "x = a and b", ["x = (a or b)"]),
        ("drop a part of a condition", "x = a and b", ["x = (b)", "x = (a)"]),
        ("drop a not", "x = not a", ["x = (a)"]),
        ("swap plus and minus", "x = a - b", ["x = (a + b)"]),
        ("return the neutral value", "return a", ["return False"]),
        ("return the neutral value", "return False", ["return True"]),
        ("drop a keyword argument", "call(given=a, more=b)", ["call(given=a)"]),
        ("drop a keyword argument", "x = replace(a, b=b)", ["x = replace(a)"]),
        ("drop a with", "with a.lock: b()", ["if True: b()"]),
    ],
)
def test_each_kind_changes_what_it_is_named_for(kind: str, before: str, after: list[str]) -> None:
    assert planted(IN_A_FUNCTION.format(before), kind) == after


def test_what_is_released_in_the_end_is_dropped() -> None:
    source = "def work(a):\n    try: a.take()\n    finally:\n        a.release()\n        a.note()\n"
    found = [f.planted(source).splitlines()[3:] for f in faults("x.py", source) if f.kind == "drop a finally"]
    assert found == [["        pass", "        a.note()"], ["        a.release()", "        pass"]]


@pytest.mark.parametrize(
    "source",
    [
        '"""A text of 3 words."""\n',
        "def work(a: Literal[1, 2] = a) -> Literal[1, 3]:\n    return a\n",
        "if TYPE_CHECKING and not 1:\n    X = True\n",
        "def work(a):\n    return f'{a + 1} are {a < 3}'\n",
        "def work(a):\n    _log.info('words')\n",
        "@dataclass(frozen=True)\nclass Held:\n    pass\n",
    ],
)
def test_texts_types_and_log_lines_are_left_alone(source: str) -> None:
    assert faults("x.py", source) == ()


def test_what_means_the_same_or_does_not_parse_is_no_fault() -> None:
    source = "def work(a):\n    x = a < 1\n"
    fault = faults("x.py", source)[0]
    assert counts(fault, source)
    assert not counts(fault, fault.planted(source).replace("<=", "< ="))
    assert all(counts(fault, source) for fault in faults("x.py", source))


def test_a_fault_knows_its_lines_and_its_name_stays_where_lines_move() -> None:
    source = "LIMITS = (1,\n    2)\ndef work(a):\n    if (a and\n            LIMITS):\n        return 'ä', a < 3\n"
    found = {fault.kind: fault for fault in faults("x.py", source)}
    assert found["negate a condition"].lines == (4, 5)
    assert found["drop an element"].lines == (1, 2)
    assert found["drop an element"].names == ("LIMITS",)
    assert found["swap a comparison"].change(source) == "x.py work: a < 3 -> a <= 3"
    moved = "\n" + source
    assert faults("x.py", moved)[-1].change(moved) == faults("x.py", source)[-1].change(source)
    ast.parse(found["negate a condition"].planted(source))


def test_a_draw_is_the_same_each_time_and_takes_the_areas_in_turns() -> None:
    text = "def work(a):\n" + "".join(f"    if a < {n}: a.call()\n    a[{n}] = not a\n" for n in range(9))
    files = {"bridge/plan.py": text, "sinks/aws/claim.py": text, "sinks/vault/kv.py": text, "bridge/doctor/x.py": text}
    found = [fault for path, source in files.items() for fault in faults(path, source)]
    first = list(draw(found, files, 1))
    assert first == list(draw(found, files, 1)) != list(draw(found, files, 2))
    areas = [area for area in TURNS if area in ("core", "aws", "vault")]
    assert [area_of(fault.path) for fault in first[:6]] == areas[:6]
    assert "other" not in {area_of(fault.path) for fault in first}
    assert len({(fault.path, fault.lines) for fault in first}) == len(first)


def test_the_tests_of_a_line_are_those_that_ran_it_or_what_uses_it() -> None:
    files = {"bridge/plan.py": "LIMIT = 3\ndef work(a):\n    return a < LIMIT\ndef never(a):\n    a.call()\n"}
    part = {"lines": {"bridge/plan.py": {"3": ["tests/a.py::one", "tests/a.py::two"]}},
            "seconds": {"tests/a.py::one": 2.0, "tests/a.py::two": 1.0, "tests/e2e/b.py::three": 1.5}}  # fmt: skip
    seen = Map().merged([part], files)
    by_line = {
        fault.lines[0]: seen.covering(fault, files) for fault in faults("bridge/plan.py", files["bridge/plan.py"])
    }
    assert {line: [seen.tests[number] for number in numbers] for line, numbers in by_line.items()} == {
        1: ["tests/a.py::one", "tests/a.py::two"],
        3: ["tests/a.py::one", "tests/a.py::two"],
        5: ["tests/e2e/b.py::three"],
    }
    assert [seen.tests[n] for n in seen.chosen(range(3), 3)] == ["tests/a.py::two", "tests/e2e/b.py::three"]
    assert seen.stale(files) == []
    assert seen.stale({"bridge/plan.py": "changed"}) == ["bridge/plan.py"]
    again = seen.merged([{"lines": {}, "seconds": {"tests/a.py::one": 2.0}}], files)
    assert again.lines["bridge/plan.py"][3] == [again.tests.index("tests/a.py::two")]
    gone = seen.merged([{"lines": {}, "seconds": {"tests/a.py::one": 2.0}}], files, ("tests/a.py",))
    assert (gone.tests, gone.lines["bridge/plan.py"]) == (["tests/a.py::one", "tests/e2e/b.py::three"], {})


def test_a_map_is_read_as_it_was_written(tmp_path: Path) -> None:
    kept = Map(["tests/a.py::one"], [0.5], {"bridge/plan.py": {3: [0]}}, {"bridge/plan.py": digest("x")})
    kept.write(tmp_path / "map")
    assert Map.read(tmp_path / "map") == kept


def test_a_journal_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    source = "def work(a):\n    return a < 1 and a < 2\n"
    names = [identity(fault, source) for fault in faults("x.py", source)]
    assert len(set(names)) == len(names) > 3
    path = tmp_path / "kept" / "journal"
    first = Journal(path)
    first.append({"id": names[0], "area": "core", "verdict": Verdict.KILLED})
    first.append({"id": names[1], "area": "core", "verdict": Verdict.SURVIVED})
    path.write_text(path.read_text() + '{"id": "' + names[2])
    again = Journal(path)
    assert [again.judged(name, again=False) for name in names[:3]] == [True, True, False]
    assert [again.judged(name, again=True) for name in names[:3]] == [True, False, False]
    again.append({"id": names[2], "area": "aws", "verdict": Verdict.UNJUDGED})
    assert json.loads(path.read_text().splitlines()[-1])["verdict"] == "unjudged"
    assert set(Journal(path).rows) == set(names[:3])
    assert identity(faults("x.py", source)[0], source) != identity(faults("x.py", "\n" + source)[0], "\n" + source)
    assert table(again.rows.values()).splitlines()[-1].split() == ["all", "1", "1", "1", "0"]
