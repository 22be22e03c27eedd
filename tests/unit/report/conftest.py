from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import hasty, live, make_hasty, make_live, make_world, servers
from tests.unit.report.browser import Chromium, Page, chromium
from tests.unit.report.population import few, html, many, report

__all__ = ["hasty", "live", "make_hasty", "make_live", "make_world", "servers"]

AXE = "axe-core@4.14.1"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
"""Of its `axe.min.js`."""
EVIDENCE = {"orders": ("10.2.3.4 python-httpx/0.27: 14 failures, last 05:02Z", "1 stranger, not counted")}


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The accessibility checker's code, from npm; kept between runs."""
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "secret-bridge-tests" / AXE
    if not home.is_dir():
        _install(tmp_path_factory.mktemp("npm"), home)
    code = (home / "axe.min.js").read_bytes()
    assert hashlib.sha256(code).hexdigest() == AXE_SHA256, f"not the {AXE} that was looked at: delete {home}"
    return code.decode()


def _install(directory: Path, home: Path) -> None:
    npm = shutil.which("npm")
    assert npm, "the accessibility checker comes from npm: apt-get install npm"
    options = ("--no-save", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", str(directory))
    subprocess.run([npm, "install", *options, AXE], check=True, timeout=150, capture_output=True)
    home.parent.mkdir(parents=True, exist_ok=True)
    whole = home.with_name(f"{home.name}.{os.getpid()}")
    shutil.copytree(directory / "node_modules" / "axe-core", whole)
    try:
        whole.rename(home)
    except OSError:  # another worker was faster
        shutil.rmtree(whole)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    with chromium(tmp_path_factory.mktemp("chromium")) as found:
        yield found


@pytest.fixture
def page(browser: Chromium) -> Iterator[Page]:
    found = Page(browser)
    yield found
    found.close()


@pytest.fixture(scope="session")
def five(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("five") / "report.html"
    path.write_text(html(report(few(), EVIDENCE)), "utf-8")
    return path


@pytest.fixture(scope="session")
def thousands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("thousands") / "report.html"
    path.write_text(html(report(many(5000))), "utf-8")
    return path
