"""A share of a configuration's tenants, for several machines that share the work without talking to each other. Pure.

A tenant is never divided, because its limit holds for all of its clients. Each machine calculates the same shares from
the same configuration. While they differ, a client may be in two shares or in none: a lock decides, or the next run.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bridge.model.errors import Usage

if TYPE_CHECKING:
    from bridge.config.settings import ClientSettings

MOST = 1000


@dataclass(frozen=True)
class Shard:
    """The share `number`, from 1 on, of `of` shares."""

    number: int = 1
    of: int = 1

    @classmethod
    def parse(cls, text: str, origin: str = "--shard") -> Shard:
        """Return the share that a text such as "2/4" means, or "1+1/4" where machines are counted from 0.

        Raises:
            Usage: it means none.
        """
        found = re.fullmatch(r"([0-9]{1,4})(\+1)?/([0-9]{1,4})", text)
        number, of = (int(found[1]) + bool(found[2]), int(found[3])) if found else (0, 0)
        if not 1 <= number <= of <= MOST:
            raise Usage(f'{origin}: found "{text[:20]}", expected NUMBER/SHARES, such as 1/4 (from 1 on)')
        return cls(number, of)

    def tenants(self, clients: Iterable[ClientSettings]) -> frozenset[str]:
        """Return the tenants of this share. All shares have about as many clients, as far as tenants allow that."""
        counts = Counter(client.tenant for client in clients)
        load = [0] * self.of
        mine: set[str] = set()
        # The largest first, each to the share that has least so far.
        for tenant in sorted(counts, key=lambda name: (-counts[name], name)):
            least = load.index(min(load))
            load[least] += counts[tenant]
            if least == self.number - 1:
                mine.add(tenant)
        return frozenset(mine)

    def pick(self, clients: Mapping[str, ClientSettings]) -> dict[str, ClientSettings]:
        """Return those of a configuration's clients that are in this share."""
        mine = self.tenants(clients.values())
        return {name: client for name, client in clients.items() if client.tenant in mine}

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"
