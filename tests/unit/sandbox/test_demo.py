"""The demo, as somebody runs it who has just installed the project."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

SERVERS = ("bao server", "moto.server")


def test_the_demo_tells_the_whole_story_and_leaves_nothing_behind(tmp_path: Path) -> None:
    code = "import sys; sys.argv = ['secret-bridge', 'demo']; from bridge.cli import main; main()"
    environ = {**os.environ, "PYTHONPATH": str(Path.cwd()), "TMPDIR": str(tmp_path), "VAULT_ADDR": "http://127.0.0.1:9"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    steps = [line.split()[1] for line in done.stdout.splitlines() if re.match(r"[1-6] ", line)]
    assert steps == ["adopt", "stage", "set", "promote", "settle", "retire"]
    assert "that tries the candidates" in done.stdout
    assert re.search(r"that tries the candidates asked for \d+ tokens meanwhile: 0 refused", done.stdout)
    assert "v1 retired, v2 current" in done.stdout
    assert "nothing left behind" in done.stdout.splitlines()[-1]
    assert list(tmp_path.iterdir()) == []
