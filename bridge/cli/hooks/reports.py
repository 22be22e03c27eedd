"""Notifications of a worker's results, one message for each client that needs one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bridge.cli.hooks.notify import News

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings, Settings
    from bridge.model.errors import BridgeError
    from bridge.model.outcome import Outcome


class Reports(News):
    """Notifies of the result of each client from any thread, without waiting until it is delivered (`deliver`)."""

    def became(self, settings: Settings, client: ClientSettings, done: Outcome | None) -> None:
        """Notify of an operation that raised nothing, as `News` does."""
        with self._sending:
            super().became(settings, client, done)

    def failed(self, settings: Settings, client: ClientSettings, error: BridgeError) -> None:
        """Notify of an operation that raised an error, as `News` does."""
        with self._sending:
            super().failed(settings, client, error)
