"""What is installed here, from the metadata of the packages. None of them is imported for it."""

from __future__ import annotations

import json
import re
import shlex
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote

NAME = "secret-bridge"
Versions = dict[str, str | None]
"""Libraries by their names, each with its version. None means that it is not installed."""


def version_of(library: str) -> str | None:
    """Return a library's version, or None where it is not installed."""
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def required() -> dict[str, Versions]:
    """Return what the project requires, by extra. What it always requires has the key "".

    It is empty where the project runs from its source without having been installed.
    """
    try:
        found = metadata.metadata(NAME)
    except metadata.PackageNotFoundError:
        return {}
    wanted: dict[str, Versions] = {"": {}} | {extra: {} for extra in found.get_all("Provides-Extra") or ()}
    for text in found.get_all("Requires-Dist") or ():
        # For example: flask-cors<7,>=5; extra == 'sandbox'
        extra = re.search(r"extra == ['\"]([^'\"]+)", text)
        library = re.split(r"[^\w.-]", text, maxsplit=1)[0].lower()
        wanted[extra.group(1) if extra else ""][library] = version_of(library)
    return wanted


def to_install(extra: str) -> str:
    """Return the command line that installs an extra where this program was installed, in the same way.

    A tool that makes an environment for one run only has to be given the program's arguments again.
    """
    origin, editable = _origin()
    wanted = shlex.quote(f"{origin}[{extra}]")
    base = Path(sys.prefix)
    if (base / "uv-receipt.toml").exists():
        return f"uv tool install {wanted}"
    again = f"{NAME} {shlex.join(sys.argv[1:])}"
    if (base / "pipx_metadata.json").exists():
        return f"pipx install --force {wanted}" if base.parent.name == "venvs" else f"pipx run --spec {wanted} {again}"
    wanted = f"-e {wanted}" if editable else wanted
    if find_spec("pip"):
        return f"{shlex.quote(sys.executable)} -m pip install {wanted}"
    if "archive-v0" in base.parts or "environments-v2" in base.parts:  # uvx runs programs from its cache
        return f"uvx --from {wanted} {again}"
    return f"uv pip install --python {shlex.quote(sys.executable)} {wanted}"


def _origin() -> tuple[str, bool]:
    """Return the file, directory or URL that the program was installed from, and whether it is editable (PEP 610).

    It is the program's name if that was an index.
    """
    try:
        text = metadata.distribution(NAME).read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        text = None
    if not text:
        return NAME, False
    told = json.loads(text)
    url: str = told["url"]
    where = unquote(url.removeprefix("file://")) if url.startswith("file://") else url
    return where, bool(told.get("dir_info", {}).get("editable"))
