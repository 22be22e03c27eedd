"""The commands, in one module for each subject. `app` loads the module of a command when that command is run."""

import typer

from bridge.cli.app import app

__all__ = ["app", "loaded"]


def loaded() -> typer.Typer:
    """Return `app` with every command loaded, for what reads all of them. To run one, `app` is enough."""
    from bridge.cli.commands import (  # noqa: F401
        agent,
        audit,
        demo,
        discover,
        doctor,
        fleet,
        policy,
        report,
        rotate,
        security,
        setup,
        use,
        version,
        watch,
    )

    return app
