"""The settings of many machines, from the file's `[fleet]`: the engine's database, and how often clients are looked at.

The pydantic model checks each value by itself. Nothing else of a file has to do with these.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SQLITE = "sqlite:"
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
EXPECTED_EVERY = "a part of a minute, an hour or a day, such as 30s, 5m or 6h"


@dataclass(frozen=True)
class FleetSettings:
    """The settings of many machines."""

    database: str
    """The engine's database: `sqlite:PATH` on one machine, or a reference to the URL of a Postgres."""
    every: timedelta = timedelta(minutes=5)
    """How often all clients are looked at."""


def read(table: Any, known: Callable[[str, str], str]) -> FleetSettings | None:
    """Return the settings of the model's table. `known` translates a reference, as in `load`."""
    if table is None:
        return None
    plain = table.database.startswith(SQLITE)
    database = table.database if plain else known(table.database, "fleet.database")
    return FleetSettings(database) if table.every is None else FleetSettings(database, table.every)


def cron(every: timedelta) -> str | None:
    """Return a cron expression of six fields, seconds first, or None where the time divides nothing."""
    for unit, whole, form in (
        (timedelta(seconds=1), MINUTE, "*/{} * * * * *"),
        (MINUTE, HOUR, "0 */{} * * * *"),
        (HOUR, DAY, "0 0 */{} * * *"),
    ):
        if every < whole:
            return form.format(every // unit) if every >= unit and not every % unit and not whole % every else None
        if every == whole:
            return {MINUTE: "0 * * * * *", HOUR: "0 0 * * * *", DAY: "0 0 0 * * *"}[whole]
    return None
