"""The image, built and run for real on a machine without a registry.

It needs root, debootstrap, buildah, podman and crun. The base is Debian from the distribution's own archive, under the
name that the Containerfile takes. `IMAGE_BASE` names a tar archive of such a base, for whoever runs this often.

All of it lives in one directory and in mount namespaces of its own: nothing is left behind.
"""

from __future__ import annotations

import os
import shutil
import ssl
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.command import ROOT

FOLDER = ROOT / "docs" / "guide" / "deploy" / "image"
CONTAINERFILE = FOLDER / "Containerfile"
CONSTRAINTS = ROOT / ".ci" / "constraints.txt"
RELEASE = "trixie"
HARDENED = (
    "--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges", "--network=host",
)  # fmt: skip
# crun knows no hybrid control groups, and a machine may allow less than podman asks for.
_HERE = ("--cgroups=disabled", "--ulimit=nofile=1024:1024", "--ulimit=nproc=1024:1024")
_OWN = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"'


def done(*command: str, fails: bool = False, **more: Any) -> str:
    """Run a command, and return what it printed."""
    ended = subprocess.run(command, capture_output=True, text=True, check=False, **more)
    assert fails is bool(ended.returncode), (
        f"{command}: {ended.returncode}\n{ended.stdout[-3000:]}{ended.stderr[-3000:]}"
    )
    return ended.stdout + ended.stderr if fails else ended.stdout


def context(directory: Path) -> Path:
    """Make the directory that the image is built from: the wheel, and the list of what it depends on."""
    directory.mkdir()
    done(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(directory), str(ROOT))
    shutil.copy(CONSTRAINTS, directory)
    return directory


@dataclass(frozen=True)
class Store:
    """Images and containers in a directory of their own."""

    directory: Path

    def command(self, program: str, *words: str) -> list[str]:
        """Return a command of podman or buildah on this store, whose mounts nobody else sees."""
        where = (f"--root={self.directory / 'root'}", f"--runroot={self.directory / 'run'}")
        return ["unshare", "--mount", "sh", "-c", _OWN, "sh", program, *where, *words]

    def base(self) -> str:
        """Make the base, as a registry would deliver it, and return its name.

        It also trusts what this machine trusts, for pip: networks may have an authority of their own.
        """
        name, archive = f"localhost/debian:{RELEASE}", self.directory / "base.tar"
        if given := os.environ.get("IMAGE_BASE"):
            archive = Path(given)
        else:
            _bootstrap(self.directory / "base", archive)
        trusted = ssl.get_default_verify_paths().openssl_cafile
        trust = self.directory / "trust"
        trust.mkdir()
        shutil.copy("/etc/ssl/certs/ca-certificates.crt" if not Path(trusted).exists() else trusted, trust / "ca.crt")
        text = "FROM localhost/bootstrapped\nCOPY ca.crt /trusted.crt\nENV PIP_CERT=/trusted.crt\n"
        (trust / "Containerfile").write_text(text)
        done(*self.command("podman", "import", str(archive), "localhost/bootstrapped"))
        done(*self.command("buildah", "build", "--isolation=chroot", f"--tag={name}", str(trust)))
        return name

    def build(self, base: str, directory: Path, **more: Any) -> str:
        """Build the image by the Containerfile as it is."""
        words = (f"--build-arg=BASE={base}", f"--file={CONTAINERFILE}", "--tag=localhost/secret-bridge")
        command = self.command("buildah", "build", "--layers", "--isolation=chroot", "--network=host", *words)
        return done(*command, str(directory), **more)

    def run(self, *words: str, options: tuple[str, ...] = ()) -> list[str]:
        """Return the command that runs the image: hardened, and with nowhere to write to."""
        return self.command("podman", "run", "--rm", *_HERE, *HARDENED, *options, "localhost/secret-bridge", *words)


def _bootstrap(directory: Path, archive: Path) -> None:
    done("debootstrap", "--variant=minbase", RELEASE, str(directory))
    sources = directory / "etc" / "apt" / "sources.list"
    line = sources.read_text().strip()
    security = line.replace("/debian ", "/debian-security ").replace(f" {RELEASE} ", f" {RELEASE}-security ")
    assert security != line
    sources.write_text(f"{line}\n{security}\n")
    done("tar", "-C", str(directory), "-cf", str(archive), ".")
    shutil.rmtree(directory)
