"""A fingerprint changes with what a proof exercises, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proofs.fingerprint import ROOT, closure, fingerprint
from tests.proofs.registry import CORE, PROOFS, WINGS

FILES = {
    "bridge/__init__.py": "",
    "bridge/rotate.py": '"""Rotates."""\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n'
    "    import bridge.report\n"
    "def rotate():\n    from bridge import plan\n    return plan.LEAST\n",
    "bridge/plan.py": "LEAST = 3\n",
    "bridge/report.py": "ROWS = 1\n",
    "bridge/cli/__init__.py": "import bridge.rotate\n",
}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    return tmp_path


def of(tree: Path, change: str = "", text: str = "") -> str:
    """Return the fingerprint after a change, in a copy: parsed files are remembered by their path."""
    copy = tree.parent / f"{tree.name}-{abs(hash((change, text)))}"
    for name in FILES:
        path = copy / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text if name == change else (tree / name).read_text())
    return fingerprint(["bridge.rotate"], root=copy)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ("bridge/plan.py", "LEAST = 4\n"),
        ("bridge/rotate.py", FILES["bridge/rotate.py"].replace("return plan", "return not plan")),
        ("bridge/__init__.py", "X = 1\n"),
    ],
)
def test_it_changes_with_what_is_imported_even_late(tree: Path, changed: str, text: str) -> None:
    assert of(tree, changed, text) != of(tree)


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ("bridge/report.py", "ROWS = 2\n"),
        ("bridge/cli/__init__.py", "import bridge.plan\n"),
        ("bridge/plan.py", "# why\nLEAST = (\n    3\n)\n"),
        ("bridge/rotate.py", FILES["bridge/rotate.py"].replace("Rotates.", "Sets a new value.")),
    ],
)
def test_it_does_not_change_with_anything_else_with_comments_or_with_docstrings(
    tree: Path, changed: str, text: str
) -> None:
    assert of(tree, changed, text) == of(tree)


def test_a_root_that_is_no_module_is_an_error(tree: Path) -> None:
    with pytest.raises(ValueError, match=r"bridge\.nothing is no module"):
        closure(["bridge.nothing"], root=tree)


COMMANDS = "bridge/cli/commands/rotate.py"
OF_WINGS = {
    "applications": "bridge/consumer/cache.py", "benchmarks": COMMANDS, "browser": "bridge/report/page.py",
    "canary": COMMANDS, "commands": COMMANDS, "deployment": "bridge/config/stored.py", "drills": COMMANDS,
    "faults": COMMANDS, "image": "tests/deploy/image.py", "many": "bridge/cli/picking.py",
    "notifications": "bridge/notify/deliver.py", "pictures": COMMANDS, "rights": COMMANDS,
    "site": "tests/unit/report/browser.py", "together": "bridge/fleet/jobs.py",
    "agent": "bridge/agent/endpoint.py",
    "doctor": "bridge/doctor/examine.py", "record": "bridge/audit/write.py", "sandbox": "bridge/sandbox/keep.py",
    "sinks": "sinks/vault/lock.py", "typed": COMMANDS,
    "watch": "bridge/watch/follow.py", "fleet": "bridge/fleet/engine.py", "adapters": "bridge/fleet/act.py",
}  # fmt: skip


@pytest.mark.parametrize("proof", sorted(set(PROOFS) - set(OF_WINGS)))
def test_every_proof_stands_on_the_core_and_both_sinks_and_on_no_wing(proof: str) -> None:
    files = {str(path.relative_to(ROOT)) for path in closure(PROOFS[proof].roots, without=PROOFS[proof].without)}
    assert {
        "bridge/execution/executor.py",
        "bridge/planning/change.py",
        "sinks/vault/lock.py",
        "sinks/aws/lock.py",
    } <= files
    wings = ("bridge/report/", "bridge/doctor/", "bridge/consumer/", "bridge/policy/", "bridge/notify/", "bridge/cli/")
    assert not [name for name in files if name.startswith(wings)]
    assert not files & {f"{wing.replace('.', '/')}.py" for wing in WINGS}
    assert set(CORE) <= set(PROOFS[proof].roots)


@pytest.mark.parametrize(("proof", "module"), OF_WINGS.items())
def test_a_proof_of_a_wing_stands_on_it(proof: str, module: str) -> None:
    files = {str(path.relative_to(ROOT)) for path in closure(PROOFS[proof].roots, without=PROOFS[proof].without)}
    assert module in files


@pytest.mark.parametrize("proof", ["browser", "drills", "pictures", "site"])
def test_what_is_no_module_counts_as_well(proof: str) -> None:
    assert PROOFS[proof].files


def test_it_changes_with_a_file_that_is_no_module_and_a_pattern_without_files_is_an_error(tree: Path) -> None:
    (tree / "page.css").write_text("a")
    before = fingerprint(["bridge.rotate"], files=["*.css"], root=tree)
    (tree / "page.css").write_text("b")
    assert fingerprint(["bridge.rotate"], files=["*.css"], root=tree) != before
    with pytest.raises(ValueError, match="no file"):
        fingerprint(["bridge.rotate"], files=["*.js"], root=tree)
