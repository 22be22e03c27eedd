"""The command line: parse, call one function, print. Only here is anything printed, and only here the process exits."""

from __future__ import annotations


def main() -> None:
    """Run `secret-bridge`."""
    from bridge.cli.commands import app

    app()
