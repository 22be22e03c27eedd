"""The commands, one module for each panel of --help. `app` has them all."""

from bridge.cli.app import app

# isort: off
# The order of the panels, and of the commands in them, in --help.
from bridge.cli.commands import rotate, use, security, report, audit, policy, doctor, setup, demo
# isort: on

__all__ = ["app", "audit", "demo", "doctor", "policy", "report", "rotate", "security", "setup", "use"]
