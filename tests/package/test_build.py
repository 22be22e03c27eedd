"""The wheel and the sdist: the same bytes wherever they are built, with what belongs there and nothing else."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_string
from pathlib import Path

from bridge import __version__
from tests.package.building import ROOT, Built, build, copied


def hashes(built: Built) -> list[str]:
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in (built.wheel, built.sdist)]


def moved(to: Path) -> Path:
    """Copy the sources as on another day, by somebody who gives no rights to others."""
    copied(to)
    for path in to.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
        os.utime(path, (1_000_000_000, 1_000_000_000))
    return to


def test_two_builds_in_two_places_at_two_times_are_the_same_bytes(built: Built, tmp_path: Path) -> None:
    again = build(moved(tmp_path / "another" / "place"), tmp_path / "dist", TZ="Asia/Tokyo", LC_ALL="C")
    assert hashes(again) == hashes(built)


def test_a_build_that_keeps_times_is_found(built: Built, tmp_path: Path) -> None:
    source = moved(tmp_path / "source")
    pyproject = source / "pyproject.toml"
    pyproject.write_text(f"{pyproject.read_text('utf-8')}\n[tool.hatch.build]\nreproducible = false\n", "utf-8")
    assert set(hashes(build(source, tmp_path / "dist"))).isdisjoint(hashes(built))


def test_the_sdist_is_enough_to_build_the_same_wheel(built: Built, tmp_path: Path) -> None:
    with tarfile.open(built.sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    again = build(tmp_path / f"secret_bridge-{__version__}", tmp_path / "dist")
    assert hashes(again)[0] == hashes(built)[0]


def strangers(wheel: Path) -> set[str]:
    """Return what is in a wheel and does not belong there."""
    with zipfile.ZipFile(wheel) as archive:
        tops = {name.partition("/")[0] for name in archive.namelist()}
    name = f"secret_bridge-{__version__}"
    return tops - {"bridge", "sinks", f"{name}.dist-info", f"{name}.data"}


def test_the_wheel_holds_the_two_packages_and_the_licence(built: Built) -> None:
    assert strangers(built.wheel) == set()
    with zipfile.ZipFile(built.wheel) as archive:
        names = archive.namelist()
        licence = archive.read(f"secret_bridge-{__version__}.dist-info/licenses/LICENSE")
    assert licence == (ROOT / "LICENSE").read_bytes()
    sources = {f"{path.relative_to(ROOT)}" for top in ("bridge", "sinks") for path in (ROOT / top).rglob("*.py")}
    assert sources <= set(names)
    assert {"bridge/py.typed", "sinks/py.typed"} <= set(names)
    other = {name.partition(".data/")[2] for name in names if ".data/" in name}
    assert other == {"data/share/man/man1/secret-bridge.1"}


def test_a_wheel_with_the_tests_in_it_is_found(built: Built, tmp_path: Path) -> None:
    broken = shutil.copy(built.wheel, tmp_path)
    with zipfile.ZipFile(broken, "a") as archive:
        archive.writestr("tests/conftest.py", "")
    assert strangers(broken) == {"tests"}


def test_the_metadata_say_whose_it_is_and_where_to_go(built: Built) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        told = message_from_string(archive.read(f"secret_bridge-{__version__}.dist-info/METADATA").decode())
    assert (told["Name"], told["Version"], told["License-Expression"]) == ("secret-bridge", __version__, "Apache-2.0")
    assert told.get_all("License-File") == ["LICENSE"]
    assert told["Author"]
    assert {url.partition(",")[0] for url in told.get_all("Project-URL")} == {
        "Documentation", "Source", "Changelog", "Issues",
    }  # fmt: skip
    assert set(told.get_all("Provides-Extra")) == {"agent", "fleet", "notify", "otel", "sandbox"}
    assert "Topic :: Security" in told.get_all("Classifier")


def checked(*files: Path) -> int:
    command = [sys.executable, "-m", "twine", "check", "--strict", *files]
    return subprocess.run(command, capture_output=True, check=False).returncode


def test_an_index_would_take_both_files(built: Built) -> None:
    assert checked(built.wheel, built.sdist) == 0


def test_a_package_without_its_description_is_refused(built: Built, tmp_path: Path) -> None:
    metadata = f"secret_bridge-{__version__}.dist-info/METADATA"
    broken = tmp_path / built.wheel.name
    with zipfile.ZipFile(built.wheel) as archive, zipfile.ZipFile(broken, "w") as copy:
        for name in archive.namelist():
            data = archive.read(name)
            copy.writestr(name, data.partition(b"\n\n")[0] + b"\n" if name == metadata else data)
    assert checked(broken) == 1
