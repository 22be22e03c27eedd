"""An environment with nothing in it but a wheel and what its metadata ask for.

The libraries are those that are installed here, each linked by the names that it brings, so nothing is downloaded. What
the wheel does not ask for is not there, and neither is the checkout: a file that was left out of the wheel, or a
library that is used and not required, fails as it would for a stranger.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def needed(requirements: list[str], extra: str, found: dict[str, metadata.Distribution] | None = None) -> Iterator[str]:
    """Yield the installed distributions that requirements ask for, each once, with what these ask for.

    Raises:
        AssertionError: one is installed in a version that is not asked for.
    """
    seen = found if found is not None else {}
    for requirement in map(Requirement, requirements):
        if requirement.marker and not requirement.marker.evaluate({"extra": extra}):
            continue
        name = canonicalize_name(requirement.name)
        distribution = metadata.distribution(name)
        assert requirement.specifier.contains(distribution.version, prereleases=True), requirement
        for inner in ("", *requirement.extras):
            if f"{name}[{inner}]" not in seen:
                seen[f"{name}[{inner}]"] = distribution
                if not inner:
                    yield name
                yield from needed(distribution.requires or [], inner, seen)


@dataclass(frozen=True)
class Environment:
    """A virtual environment and a directory to work in."""

    prefix: Path
    cwd: Path

    def run(self, program: str, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run one of its programs with no variable but those that are given."""
        return subprocess.run(
            [self.prefix / "bin" / program, *arguments],
            cwd=self.cwd,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.cwd), "TMPDIR": str(self.cwd), "COLUMNS": "200", **environ},
            capture_output=True,
            text=True,
            timeout=150,
            check=False,
        )


def emptied(where: Path, wheel: Path, *extras: str) -> Environment:
    """Install a wheel with its extras into an empty environment."""
    prefix, cwd = where / "venv", where / "work"
    cwd.mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", prefix], check=True)
    python = prefix / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "-q", "--no-deps", "--no-index"]
    subprocess.run([*pip, "--no-compile", str(wheel)], cwd=cwd, check=True, capture_output=True)
    (site,) = prefix.glob("lib/python*/site-packages")
    (own,) = metadata.distributions(name="secret-bridge", path=[str(site)])
    seen: dict[str, metadata.Distribution] = {}
    for extra in ("", *extras):
        for name in needed(own.requires or [], extra, seen):
            _link(metadata.distribution(name), site, prefix / "bin", python)
    return Environment(prefix, cwd)


def _link(distribution: metadata.Distribution, site: Path, scripts: Path, python: Path) -> None:
    files = [file.parts for file in distribution.files or ()]
    home = Path(str(distribution.locate_file("")))
    for name in {parts[0] for parts in files} - {"..", "__pycache__"}:
        assert not (site / name).exists(), f"two libraries bring {name}"
        (site / name).symlink_to(home / name)
    for parts in files:
        if parts[0] == ".." and parts[-2] == "bin":
            text = home.joinpath(*parts).read_text("utf-8").partition("\n")[2]  # its first line names another Python
            (scripts / parts[-1]).write_text(f"#!{python}\n{text}", "utf-8")
            (scripts / parts[-1]).chmod(0o755)
