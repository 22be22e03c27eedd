"""A record in a file: what stands in it, and writing to it without a command."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bridge.audit.chain import Chain, Head
from bridge.audit.process import host, this_process
from bridge.audit.records import Attempt, end
from bridge.audit.verify import Verified, verify
from bridge.audit.write import FileTarget
from bridge.model.trail import Trail
from sinks.secret import Secret


def attempt(client: str = "billing", **more: Any) -> Attempt:
    plain = Attempt(
        client=client,
        client_id=f"{client}-id",
        tenant="acme",
        command="rotate",
        options=(),
        sinks=("vault://secret/a",),
        strategy="staged",
        reason=None,
        claimed={},
        proven={},
        host=host(),
        process=this_process(),
    )
    return replace(plain, **more)


@dataclass
class Record:
    path: Path
    key: str | None = None

    @property
    def chain(self) -> Chain:
        return Chain(Secret(self.key) if self.key else None)

    @property
    def target(self) -> FileTarget:
        return FileTarget(self.path, self.chain)

    @property
    def lines(self) -> list[bytes]:
        return self.path.read_bytes().splitlines(keepends=True) if self.path.exists() else []

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines]

    @property
    def events(self) -> list[str]:
        return [told["event"] for told in self.told]

    def begin(self, client: str = "billing", **more: Any) -> tuple[Attempt, Head]:
        made = attempt(client, **more)
        return made, self.target.begin(made, datetime.now(UTC))

    def end(self, made: Attempt, begun: Head) -> Head:
        became = {"outcome": "done", "exit": 0, "message": None}
        told = end(made, datetime.now(UTC), begun=begun.seq, became=became, trail=Trail(), seconds=0)
        return self.target.end(told)

    def fill(self, attempts: int) -> list[Head]:
        """Write whole attempts; return all heads."""
        heads = []
        for _ in range(attempts):
            made, begun = self.begin()
            heads += [begun, self.end(made, begun)]
        return heads

    def verified(self, *anchors: Head, lines: list[bytes] | None = None) -> Verified:
        return verify(self.lines if lines is None else lines, self.chain, anchors)
