from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.pages import ROOT
from tests.unit.report.browser import Chromium, Page, chromium
from tests.unit.report.conftest import axe

__all__ = ["axe"]

BUILD = ROOT / ".site" / "build.py"


@pytest.fixture(scope="session")
def generator() -> Path:
    """A Python that has the dependency group `docs`; kept between runs."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["dependency-groups"]
    wanted = sorted(groups["docs"])
    name = f"docs-{hashlib.sha256(' '.join([sys.version, *wanted]).encode()).hexdigest()[:12]}"
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "secret-bridge-tests" / name
    python = home / "bin" / "python"
    if not (home / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True, timeout=300)
        subprocess.run([python, "-m", "pip", "install", "-q", *wanted], check=True, timeout=900)
        (home / "complete").touch()
    return python


def built(generator: Path, to: Path, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Build the site of a repository into a directory."""
    told = [generator, "-B", BUILD, to, "--root", root]
    return subprocess.run(told, capture_output=True, text=True, timeout=900, check=False)


@pytest.fixture(scope="session")
def site(generator: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built once."""
    directory = tmp_path_factory.mktemp("site")
    done = built(generator, directory)
    assert (done.returncode, done.stderr) == (0, "")
    return directory


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture
def page(browser: Chromium) -> Iterator[Page]:
    found = Page(browser)
    yield found
    found.close()
