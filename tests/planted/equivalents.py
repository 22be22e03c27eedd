"""Faults that change nothing anybody could notice, each with the reason. The keys are what `Fault.change` returns."""

from __future__ import annotations

EQUIVALENT: dict[str, str] = {}
