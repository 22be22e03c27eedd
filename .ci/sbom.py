"""Writes what is installed in an environment as a CycloneDX SBOM: `python .ci/sbom.py ENVIRONMENT FILE`.

It ends with 1 if the file and the environment differ.
"""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from packaging.utils import canonicalize_name

NAME = "secret-bridge"
Versions = set[tuple[str, str]]


def installed(environment: Path) -> Versions:
    """Return the distributions of a virtual environment, each with its version."""
    path = [str(site) for site in environment.glob("lib/python*/site-packages")]
    return {(canonicalize_name(one.metadata["Name"]), one.version) for one in metadata.distributions(path=path)}


def listed(sbom: str) -> Versions:
    """Return the components of an SBOM, and what it is about."""
    told = json.loads(sbom)
    found = (told["metadata"]["component"], *told["components"])
    return {(canonicalize_name(one["name"]), one["version"]) for one in found}


def made(environment: Path) -> str:
    """Return the SBOM of an environment, about the project that is installed there."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"]
    command += ["--no-validate", str(environment)]  # validating takes 11 seconds and finds faults of that tool only
    told = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    (own,) = (one for one in told["components"] if one["name"] == NAME)
    told["components"].remove(own)
    told["metadata"]["component"] = {**own, "type": "application"}
    return json.dumps(told, indent=2) + "\n"


def main(arguments: list[str]) -> int:
    """Write the file and compare it; return the exit status."""
    environment, file = map(Path, arguments)
    file.write_text(made(environment), "utf-8")
    different = installed(environment) ^ listed(file.read_text("utf-8"))
    print("\n".join(f"not in both: {name} {version}" for name, version in sorted(different)) or f"{file}: complete")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
