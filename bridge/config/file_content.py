"""What a file of the configuration holds: `bridge.toml`, or the one of discovered clients."""

from __future__ import annotations

from pathlib import Path

from sinks import files

LARGEST = 2**24
"""The most bytes of such a file. A client takes some hundred, and a tenant may have tens of thousands of them."""


def read_file(path: Path) -> bytes:
    """Return the content of a regular file of at most `LARGEST` bytes.

    Raises:
        Unfit: the file is something else, or larger.
        OSError: it cannot be read.
        ValueError: there is no such path, on any system.
    """
    with files.opened(path) as file:
        found = file.read(LARGEST + 1)
    if len(found) > LARGEST:
        raise files.Unfit(f"has more than {LARGEST >> 20} MiB")
    return found
