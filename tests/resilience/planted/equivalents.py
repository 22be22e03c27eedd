"""Faults that change nothing anybody could notice, each with the reason. The keys are what `Fault.change` returns."""

from __future__ import annotations

EQUIVALENT: dict[str, str] = {
    "bridge/execution/leases.py : 5 -> 6": (
        "how often a look is tried before it is given up: no promise names the number"
    ),
    "sinks/vault/connection.py Connection._connect: True -> False": (
        "hvac heeds what a session says of checking certificates only where that is true; its own default is to check"
    ),
    "bridge/consumer/snapshot.py Snapshot.holds: any -> all": "nothing in the product calls this method",
}
