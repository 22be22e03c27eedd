"""The commands, in one module for each subject. `app` has all of them."""

from bridge.cli.app import app

# isort: off
# The order of these imports is the order of the panels, and of the commands in them, in --help.
from bridge.cli.commands import rotate, use, security, report, audit, policy, doctor, setup, discover, demo
# isort: on

__all__ = ["app", "audit", "demo", "discover", "doctor", "policy", "report", "rotate", "security", "setup", "use"]
