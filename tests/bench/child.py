"""Run one command and print what it cost, as JSON: wall and CPU seconds, peak memory in KiB, exit status.

A process of its own, without any import of size: Linux counts what a parent holds at the fork as its child's peak.
"""

import json
import os
import sys
import time

output, *argv = sys.argv[1:]
to_file = (os.POSIX_SPAWN_OPEN, 1, output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
began = time.perf_counter()
pid = os.posix_spawnp(argv[0], argv, os.environ, file_actions=[to_file, (os.POSIX_SPAWN_DUP2, 1, 2)])
_, status, used = os.wait4(pid, 0)
wall = time.perf_counter() - began
print(json.dumps([wall, used.ru_utime + used.ru_stime, used.ru_maxrss, os.waitstatus_to_exitcode(status)]))
