"""Where each client's lines stand in the record's file. A command over many clients reads the file once."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from bridge.audit.files import in_lines

_CLIENT = re.compile(rb'"client_id": ?"([^"\\]{1,128})"')


class Index:
    """The offsets of lines by client id. The caller must hold the file's lock.

    Only what was appended since is read again. A file that is another one, or shorter, is read from its beginning.
    """

    def __init__(self) -> None:
        self._file: tuple[int, int] | None = None
        self._end = 0
        self._at: dict[bytes, list[int]] = {}

    def lines(self, descriptor: int, client_id: str) -> Iterator[bytes]:
        """Yield the raw lines about a client, from the file's beginning. The descriptor stays open."""
        with os.fdopen(os.dup(descriptor), "rb") as file:
            found = os.fstat(descriptor)
            if (found.st_dev, found.st_ino) != self._file or found.st_size < self._end:
                self._file, self._end, self._at = (found.st_dev, found.st_ino), 0, {}
            file.seek(self._end)
            for line in in_lines(file):
                for client in _CLIENT.findall(line):
                    self._at.setdefault(client, []).append(self._end)
                self._end += len(line)
            for offset in self._at.get(client_id.encode(), ()):
                file.seek(offset)
                yield next(in_lines(file))
