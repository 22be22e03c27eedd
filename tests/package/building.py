"""Builds the package as a release does, from a copy of what is in a clone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = ("bridge", "sinks", "docs", "tests", "pyproject.toml", "README.md", "LICENSE", ".gitignore")


@dataclass(frozen=True)
class Built:
    """The two files of a release."""

    wheel: Path
    sdist: Path


def copied(to: Path) -> Path:
    """Copy what the package is made of, without what running it has left there."""
    to.mkdir(parents=True)
    for name in SOURCES:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__", ".proofs"))
        else:
            shutil.copy(source, to / name)
    return to


def build(source: Path, dist: Path, **environ: str) -> Built:
    """Build both files with the hatchling that is installed, so that nothing is downloaded."""
    own = {name: value for name, value in os.environ.items() if name not in ("SOURCE_DATE_EPOCH", "PYTHONPATH")}
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(dist)]
    subprocess.run(command, cwd=source, env={**own, **environ}, check=True, capture_output=True)
    (wheel,), (sdist,) = dist.glob("*.whl"), dist.glob("*.tar.gz")
    return Built(wheel, sdist)
