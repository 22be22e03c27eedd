"""The command line: it parses the arguments, calls one function, and prints the result.

Only this package prints, and only this package ends the process.
"""

from __future__ import annotations


def main() -> None:
    """Run `secret-bridge` with the arguments of this process.

    It does not return: the process ends with the exit status that `bridge.cli.app` documents.
    """
    # Here, so that importing a module of this package does not load every command.
    from bridge.cli.commands import app
    from sinks.shared import give_back_all

    try:
        app()
    finally:
        give_back_all()
