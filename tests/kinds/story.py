"""Commands for a client whose secret is in a kind of store that the product does not know, in one process.

    python -m tests.kinds.story DIRECTORY < COMMANDS

`DIRECTORY` is a folder with kinds of store. Each line of the input is a JSON list of a command's words. For each of
them, one JSON object is printed: its words, its exit status, and what it wrote.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile

import sinks


def run(words: list[str]) -> dict[str, object]:
    """Run one command as the program does, and return what it did."""
    from bridge.cli import main

    sys.argv = ["secret-bridge", *words]
    status: object = 0
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as end:
                status = end.code or 0
        out.seek(0)
        err.seek(0)
        return {"words": words, "status": status, "out": out.read(), "err": err.read()}


if __name__ == "__main__":
    sinks.__path__.append(sys.argv[1])  # before anything asks which kinds there are
    commands = [json.loads(line) for line in sys.stdin]
    for each in commands:
        print(json.dumps(run(each)), flush=True)
