"""Commands that are run in this process, in the shifted time of the servers: their waits take none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

import sinks
from sinks.clock import SystemClock
from sinks.port import Sink
from tests.e2e.clock import Shifted
from tests.e2e.taps import ShiftedKv


class Written(dict[tuple[str, int], timedelta]):
    """By how much the time was shifted when a version in Vault was written.

    What somebody else wrote is dated as if the time were still shifted by `first`, as it was when the test began.
    """

    def __init__(self, first: timedelta) -> None:
        super().__init__()
        self._first = first

    def get(self, key: Any, default: object = None) -> Any:
        return super().get(key, self._first)


def hurry(patch: pytest.MonkeyPatch, clock: Shifted, written: Written) -> None:
    """Have whatever asks the machine's clock ask this one; what commands write to Vault is dated by it."""
    patch.setattr(SystemClock, "monotonic", lambda _: clock.monotonic())
    patch.setattr(SystemClock, "now", lambda _: clock.now())
    patch.setattr(SystemClock, "sleep", lambda _, seconds: clock.sleep(seconds))

    def opened(*told: Any, **more: Any) -> Sink:
        sink: Any = sinks.open_sink(*told, **more)
        if hasattr(sink, "_kv"):
            kv = ShiftedKv(sink._kv, clock, written)
            sink._kv = sink._lock._kv = sink._publisher._kv = sink._retiring._kv = kv
        found: Sink = sink
        return found

    patch.setattr("bridge.execution.open.open_sink", opened)
