"""What the agent counts, and its text for Prometheus. No label holds a secret."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping

PREFIX = "secret_bridge_agent"
COUNTED = {
    "answers_total": "Answers to token requests, by client and result.",
    "token_requests_total": "Token requests to Auth0, by client and HTTP status.",
    "events_total": "What happened at the vault or with a candidate, by client and event.",
}
"""The counters, and what each of them counts."""


class Metrics:
    """Counters that any thread may raise: their names and what they count. Each name begins with `prefix`."""

    def __init__(self, prefix: str = PREFIX, counted: Mapping[str, str] = COUNTED) -> None:
        self._guard = threading.Lock()
        self._prefix, self._counted = prefix, counted
        self._counts: dict[str, Counter[tuple[tuple[str, str], ...]]] = {name: Counter() for name in counted}

    def count(self, name: str, **labels: str) -> None:
        """Raise one of the counters by one."""
        with self._guard:
            self._counts[name][tuple(labels.items())] += 1

    def text(self, gauges: Iterable[tuple[str, str, Mapping[str, str], float]]) -> str:
        """Return everything in Prometheus' text format.

        `gauges` are added: name, help, labels and value of each, with those of one name beside each other.
        """
        lines: list[str] = []
        with self._guard:
            counts = {name: dict(counter) for name, counter in self._counts.items()}
        for name, about in self._counted.items():
            lines += self._head(name, about, "counter")
            lines += [self._line(name, dict(labels), number) for labels, number in sorted(counts[name].items())]
        last = ""
        for name, about, labels, value in gauges:
            lines += self._head(name, about, "gauge") if name != last else []
            lines.append(self._line(name, labels, value))
            last = name
        return "\n".join(lines) + "\n"

    def _head(self, name: str, about: str, kind: str) -> list[str]:
        return [f"# HELP {self._prefix}_{name} {about}", f"# TYPE {self._prefix}_{name} {kind}"]

    def _line(self, name: str, labels: Mapping[str, str], value: float) -> str:
        told = ",".join(f'{label}="{_escaped(text)}"' for label, text in labels.items())
        return f"{self._prefix}_{name}{{{told}}} {value:g}" if told else f"{self._prefix}_{name} {value:g}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
