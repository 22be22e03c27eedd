"""What refuses a release: every fault by its name, and all of them together."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.package.programs import program
from tests.proofs import ledger

release = program("release")
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n## 0.2.0\n\n**Added**\n\n- `rotate`.\n\n## 0.1.0\n\nThe first version.\n"
PYPROJECT = '[project]\nname = "x"\n[project.urls]\nSource = "https://code.test/bridge"\n'


class Clone:
    """A clone that may be released as v0.2.0."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.key = root.parent / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", self.key], check=True)
        self.write("bridge/__init__.py", '"""A package."""\n\n__version__ = "0.2.0"\n')
        self.write("docs/changelog.md", CHANGELOG)
        self.write("pyproject.toml", PYPROJECT)
        public = self.key.with_suffix(".pub").read_text("utf-8")
        self.write(".github/allowed_signers", f'# who\nann@code.test namespaces="git" {public}')
        self.git("init", "-q", "-b", "main")
        self.commit()
        self.git("tag", "-m", "0.1.0", "v0.1.0")
        self.sign("v0.2.0")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text("utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def git(self, *arguments: str) -> None:
        own = ["-c", "user.name=Ann", "-c", "user.email=ann@code.test", "-c", "gpg.format=ssh"]
        subprocess.run(["git", "-C", self.root, *own, *arguments], check=True, capture_output=True)

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-q", "--no-gpg-sign", "-m", "x")

    def sign(self, tag: str, key: Path | None = None) -> None:
        self.git("-c", f"user.signingkey={key or self.key}", "tag", "-f", "-s", "-m", tag, tag)

    def faults(self, tag: str = "v0.2.0") -> list[str]:
        return list(release.faults(self.root, tag, "main"))


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    (tmp_path / "clone").mkdir()
    return Clone(tmp_path / "clone")


def test_a_version_that_is_raised_told_and_signed_may_be_released(clone: Clone) -> None:
    assert clone.faults() == []
    assert release.section(clone.root, "0.2.0") == "**Added**\n\n- `rotate`."


def another_key(clone: Clone) -> None:
    other = clone.root.parent / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", other], check=True)
    clone.sign("v0.2.0", other)


def a_key_that_the_tag_brings(clone: Clone) -> None:
    """Somebody who may push a tag, and not to the branch, adds a key of theirs in the tagged commit."""
    another_key(clone)
    clone.git("checkout", "-q", "-b", "theirs")
    clone.write(".github/allowed_signers", f"x {(clone.root.parent / 'other.pub').read_text('utf-8')}")
    clone.commit()
    clone.sign("v0.2.0", clone.root.parent / "other")


def nobody(clone: Clone) -> None:
    clone.write(".github/allowed_signers", "# nobody\n")
    clone.commit()
    clone.sign("v0.2.0")


SIGNED = "the tag v0.2.0 is not signed with a key of .github/allowed_signers on main"
BROKEN: dict[str, tuple[Callable[[Clone], None], str]] = {
    "not raised": (
        lambda clone: clone.git("tag", "v0.2.0.post1"),
        "the version 0.2.0 is not above the last tag, v0.2.0.post1",
    ),
    "no section": (
        lambda clone: clone.replace("docs/changelog.md", "## 0.2.0", "## 0.3.0"),
        "docs/changelog.md has no lines under '## 0.2.0'",
    ),
    "an empty section": (
        lambda clone: clone.replace("docs/changelog.md", "**Added**\n\n- `rotate`.\n", ""),
        "docs/changelog.md has no lines under '## 0.2.0'",
    ),
    "lines left over": (
        lambda clone: clone.replace("docs/changelog.md", "[Unreleased]\n", "[Unreleased]\n\n- more\n"),
        "docs/changelog.md still has lines under '## [Unreleased]'",
    ),
    "a placeholder": (
        lambda clone: clone.replace("pyproject.toml", "code.test", "bridge.example"),
        "pyproject.toml: [project.urls] Source: found .example",
    ),
    "a tag without a signature": (lambda clone: clone.git("tag", "-f", "-m", "x", "v0.2.0"), SIGNED),
    "a name without a tag object": (lambda clone: clone.git("tag", "-f", "v0.2.0"), SIGNED),
    "another key": (another_key, SIGNED),
    "a key that the tag brings": (a_key_that_the_tag_brings, SIGNED),
    "nobody may sign": (
        lambda clone: (clone.write(".github/allowed_signers", "# nobody\n"), clone.commit())[0],
        SIGNED,
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_release_is_refused_for(how: str, clone: Clone) -> None:
    breaks, said = BROKEN[how]
    breaks(clone)
    (found,) = clone.faults()
    assert found.startswith(said)


def test_another_tag_than_the_version_is_refused(clone: Clone) -> None:
    clone.sign("v0.3.0")
    assert clone.faults("v0.3.0")[0] == (
        "the tag is v0.3.0, and bridge/__init__.py says 0.2.0: expected the tag v0.2.0"
    )


def test_all_faults_are_told_together(clone: Clone) -> None:
    clone.git("tag", "v0.9.0")
    clone.write("docs/changelog.md", "# Changelog\n\n## [Unreleased]\n\n- this\n")
    clone.write("pyproject.toml", PYPROJECT.replace("code.test", "bridge.example"))
    assert len(clone.faults("v0.3.0")) == 6


def test_a_version_of_another_form_is_refused(clone: Clone) -> None:
    clone.write("bridge/__init__.py", '__version__ = "two"\n')
    assert "a version has the wrong form: Invalid version: 'two'" in clone.faults()


def test_the_proofs_that_are_stale_refuse_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "read", dict)
    assert len(found := list(release.stale())) == len(ledger.PROOFS)
    assert all(": never recorded; run: python -m tests." in text for text in found)


def test_an_edited_ledger_refuses_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "proofs.json").write_text("{}", "utf-8")
    whole = ledger.read
    monkeypatch.setattr(ledger, "read", lambda: whole(tmp_path / "proofs.json"))
    assert [text.partition(": ")[2].partition(":")[0] for text in release.stale()] == ["the ledger is wrong"]


def test_the_program_ends_with_1_and_says_everything(capsys: pytest.CaptureFixture[str]) -> None:
    assert release.main(["v9.9.9"]) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert "the tag is v9.9.9, and bridge/__init__.py says" in told.err
    assert "the tag v9.9.9 is not signed" in told.err
