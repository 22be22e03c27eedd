"""Whether a release is allowed: `python .ci/release.py TAG`, and its notes: `python .ci/release.py TAG notes`.

All faults are reported together. It runs in a clone with all tags, in an environment with what .ci/release.txt names.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from packaging.version import InvalidVersion, Version

ROOT = Path(__file__).parents[1]
SIGNERS = ".github/allowed_signers"
PLACEHOLDER = ".example"


def main(arguments: list[str]) -> int:
    """Print what stands in the way, or the notes; return the exit status."""
    tag, *notes = arguments
    if notes:
        print(section(ROOT, tag.removeprefix("v")))
        return 0
    found = [*faults(ROOT, tag), *stale()]
    print("\n".join(found) or f"{tag} may be released", file=sys.stderr if found else sys.stdout)
    return 1 if found else 0


def faults(root: Path, tag: str, branch: str = "origin/HEAD") -> Iterator[str]:
    """Yield what stands in the way of a release, but for the proofs."""
    version = version_of(root)
    if tag != f"v{version}":
        yield f"the tag is {tag}, and bridge/__init__.py says {version}: expected the tag v{version}"
    yield from _not_raised(root, tag, version)
    if not section(root, version):
        yield f"docs/changelog.md has no lines under '## {version}': they are the release's notes"
    if section(root, "Unreleased"):
        yield f"docs/changelog.md still has lines under '## [Unreleased]': move them under '## {version}'"
    urls = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]["urls"]
    if placeholders := [name for name, url in urls.items() if PLACEHOLDER in url]:
        yield f"pyproject.toml: [project.urls] {', '.join(placeholders)}: found {PLACEHOLDER}, write the project's own"
    yield from _not_signed(root, tag, branch)


def stale() -> Iterator[str]:
    """Yield the proofs that did not pass on the present code."""
    sys.path.insert(0, str(ROOT))
    from tests.proofs import ledger

    try:
        yield from (f"proofs: {text}" for text in ledger.stale(ledger.read()))
    except ValueError as error:
        yield f"proofs: the ledger is wrong: {error}"


def version_of(root: Path) -> str:
    """Return the version that the code says it has."""
    source = (root / "bridge" / "__init__.py").read_text("utf-8")
    (value,) = re.findall(r"^__version__ = (.+)$", source, re.MULTILINE)
    return str(ast.literal_eval(value))


def section(root: Path, name: str) -> str:
    """Return a section of the changelog without its heading; nothing where it is missing or empty."""
    text = (root / "docs" / "changelog.md").read_text("utf-8")
    found = re.search(rf"^## \[?{re.escape(name)}\]?(?: .*)?$\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    return found.group(1).strip() if found else ""


def _not_raised(root: Path, tag: str, version: str) -> Iterator[str]:
    before = [name for name in _git(root, "tag", "--list", "v*").stdout.split() if name != tag]
    try:
        newer = [name for name in before if Version(name) >= Version(version)]
    except InvalidVersion as error:
        yield f"a version has the wrong form: {error}"
        return
    if newer:
        last = max(newer, key=Version)
        yield f"the version {version} is not above the last tag, {last}: raise it in bridge/__init__.py"


def _not_signed(root: Path, tag: str, branch: str) -> Iterator[str]:
    # From the branch and not from the tag, whose commit could bring a key of its own.
    signers = _git(root, "show", f"{branch}:{SIGNERS}")
    with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
        file.write(signers.stdout)
        file.flush()
        trusted = ("-c", f"gpg.ssh.allowedSignersFile={file.name}", "-c", "gpg.format=ssh")
        done = _git(root, *trusted, "verify-tag", "--raw", tag)
    # GPG's word would count for every key of the machine's keyring, so only SSH's does.
    if signers.returncode or done.returncode or 'Good "git" signature for ' not in done.stderr + done.stdout:
        yield f"the tag {tag} is not signed with a key of {SIGNERS} on {branch}: git tag -s {tag}, and push it again"


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", root, *arguments], capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
