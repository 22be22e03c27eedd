""".ci/constraints.txt and .ci/release.txt: every library that is asked for, with its hashes, and no address."""

from __future__ import annotations

import re
import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.package.building import ROOT
from tests.package.emptied import needed

PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
EXTRAS: dict[str, list[str]] = PYPROJECT["project"]["optional-dependencies"]
ASKED = {
    ".ci/constraints.txt": [
        *PYPROJECT["project"]["dependencies"],
        *(one for extra in EXTRAS.values() for one in extra),
    ],
    ".ci/release.txt": PYPROJECT["dependency-groups"]["release"],
}


ADDRESS = re.compile(r"://|\w\.(org|io|com|net)\b")


def pinned(text: str) -> dict[str, str]:
    """Return the versions by name. A name may stand twice, with markers; the one for this Python counts."""
    found = {}
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(re.split(r"\s+--hash", line)[0])
            if requirement.marker is None or requirement.marker.evaluate():
                (only,) = requirement.specifier
                assert only.operator == "==", line
                found[canonicalize_name(requirement.name)] = only.version
    return found


def faults(text: str, asked: list[str]) -> list[str]:
    """Return what is wrong with a file of constraints."""
    versions = pinned(text)
    found = [
        f"{name} {versions.get(name)} is not {requirement.specifier}"
        for requirement in map(Requirement, asked)
        if (name := canonicalize_name(requirement.name)) not in versions
        or not requirement.specifier.contains(versions[name])
    ]
    found += [f"{name} is needed and not there" for name in sorted({*needed(asked, "")} - set(versions))]
    found += [
        f"an address: {line}" for line in text.splitlines() if "://" in line or re.search(r"\w\.(org|io|com)\b", line)
    ]
    packages = re.findall(r"^[a-z0-9].*(?:\n    --hash=sha256:[0-9a-f]{64}.*)*", text, re.MULTILINE)
    return found + [f"without a hash: {one}" for one in packages if "--hash" not in one]


@pytest.mark.parametrize("name", ASKED)
def test_it_has_what_is_asked_for_with_hashes_and_without_addresses(name: str) -> None:
    assert faults((ROOT / name).read_text("utf-8"), ASKED[name]) == []


BROKEN = {
    "too old": (r"^httpx==\S+", "httpx==0.27.0", "httpx 0.27.0 is not <1,>=0.28"),
    "a library of a library is missing": (r"^urllib3==.*\n(    --hash.*\n)+", "", "urllib3 is needed and not there"),
    "an address": (
        r"\A",
        "--index-url https://index.example/simple\n",
        "an address: --index-url https://index.example/simple",
    ),
    "no hash": (r"^hvac==(\S+) \\\n(    --hash.*\n)+", r"hvac==\1\n", "without a hash: hvac=="),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_file_is_found(how: str) -> None:
    pattern, instead, said = BROKEN[how]
    text = (ROOT / ".ci" / "constraints.txt").read_text("utf-8")
    broken = re.sub(pattern, instead, text, count=1, flags=re.MULTILINE)
    assert broken != text
    (found,) = faults(broken.replace("--index-url", "# --index-url"), ASKED[".ci/constraints.txt"])
    assert found.startswith(said.replace("--index-url", "# --index-url"))


@pytest.mark.parametrize("name", ASKED)
def test_its_first_lines_say_how_it_is_renewed(name: str) -> None:
    head = (ROOT / name).read_text("utf-8").splitlines()[:2]
    assert all(line.startswith("#") for line in head)
    command = head[1].lstrip("# ")
    assert command.startswith("uv pip compile ")
    assert command.endswith(f" -o {name}")
    page = (ROOT / ".github" / "RELEASING.md").read_text("utf-8")
    assert "for file in constraints release; do sed -n '2s/^# *//p' .ci/$file.txt | sh; done" in page
