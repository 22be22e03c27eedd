"""A DAG of Airflow 3: one task looks at all clients, and what is next for each of them is a mapped task.

Where the tasks run, install secret-bridge, and set BRIDGE_CONFIG. Names, ids and words go through XCom, and no
value of a secret.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import dag, task

if TYPE_CHECKING:
    from bridge.config.settings import Settings

MOST = 500
"""How many actions a run has at most: Airflow maps up to 1,024 by default. The next run finds the rest."""
AT_ONCE = 8


# The bridge is imported in functions, because Airflow reads this file again and again.
def settings() -> Settings:
    """Return the configuration as it is now."""
    from bridge.config.load import load

    return load(Path(os.environ["BRIDGE_CONFIG"]), os.environ)


@contextmanager
def own_words() -> Iterator[None]:
    """Show the bridge's own errors, and of others the name only: their text may hold anything."""
    from bridge.model.errors import BridgeError

    try:
        yield
    except BridgeError:
        raise
    except Exception as error:  # noqa: BLE001  # see above
        raise RuntimeError(type(error).__name__) from None


@task(task_id="sweep", retries=2)
def sweeping() -> list[dict[str, str]]:
    """Return what is next. Nothing is changed."""
    from bridge.fleet.sweep import sweep

    with own_words():
        return [action.as_dict() for action in sweep(settings()).actions[:MOST]]


# Not again: what is next after a failure is something else, and the next run does that.
@task(task_id="act", retries=0, max_active_tis_per_dagrun=AT_ONCE)
def acting(action: dict[str, str]) -> dict[str, Any]:
    """Do one thing for one client, if it still is what is next, and return the result."""
    from bridge.fleet.act import act
    from bridge.fleet.sweep import Action

    with own_words():
        done = act(settings(), Action.of(action))
    if done.failed:
        raise RuntimeError(f"{done}; {done.next}")
    return done.as_dict()


@dag(schedule="*/15 * * * *", start_date=datetime(2026, 1, 1, tzinfo=UTC), catchup=False, max_active_runs=1)
def secret_bridge() -> None:
    """Sweep, then act."""
    acting.expand(action=sweeping())


secret_bridge()
