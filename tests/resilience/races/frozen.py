"""An operator in a thread of its own that freezes right before one of its raw calls, until it is woken."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from bridge.model.errors import BridgeError
from tests.e2e.taps import Call, Trace
from tests.e2e.world import World

PATIENCE = 60.0  # seconds of real time; nothing here takes one


@dataclass
class Frozen:
    """Runs `operate(trace)` until the call that `wanted` names, before the product's own checks of its deadline."""

    world: World
    operate: Callable[[Trace], Any]
    wanted: Callable[[Call], bool]

    def __post_init__(self) -> None:
        self.trace = Trace(self.world.clock, before=self._before)
        self.call: Call | None = None
        self.answer: Any = None
        self.error: BaseException | None = None
        self._stopped = threading.Event()
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> Self:
        """Run until it freezes, or ends without meeting the call."""
        self._thread.start()
        assert self._stopped.wait(PATIENCE)
        return self

    def wake(self) -> Self:
        """Let it go on to its end."""
        self._woken.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        return self

    @property
    def exit_status(self) -> int:
        """What the process would have ended with."""
        if self.error is None:
            return 0
        assert isinstance(self.error, BridgeError), self.error
        return self.error.exit_status

    @property
    def message(self) -> str:
        return f"{self.error}"

    def _before(self, call: Call) -> None:
        if self.call is None and self.wanted(call):
            self.call = call
            self._stopped.set()
            assert self._woken.wait(PATIENCE)

    def _run(self) -> None:
        try:
            self.answer = self.operate(self.trace)
        except BaseException as error:  # noqa: BLE001  # told to the test
            self.error = error
        finally:
            self._stopped.set()
