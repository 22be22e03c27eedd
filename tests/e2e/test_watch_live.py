"""`watch` as a process that goes on. It is apart, because its world has the machine's own clock."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

from tests.e2e.command import MAIN, environ
from tests.e2e.test_watch import LOGS, in_dashboard
from tests.e2e.world import MakeWorld


def test_it_follows_the_log_until_it_is_asked_to_stop(make_live: MakeWorld, tmp_path: Path) -> None:
    world = make_live(scopes=LOGS)
    world.fill()
    world.adopt()
    options = ["watch", world.client_id, "--interval", "2", *(word for uri in world.uris for word in ("--sink", uri))]
    command = [sys.executable, "-c", MAIN, *options]
    process = subprocess.Popen(command, env=environ(world, tmp_path), cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout
        threading.Timer(3, lambda: in_dashboard(world)).start()
        line = process.stdout.readline()
        assert line.startswith(f"{world.client_id}  drift: changed outside the bridge")
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert process.stdout.read() == ""
    finally:
        process.kill()
        process.communicate()
