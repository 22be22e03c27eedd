"""The tables of `tests.bench.agent`: sums over its slices."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from tests.bench.agent_readers import LANGUAGES, Counts
from tests.bench.measure import machine, table

Row = Mapping[str, Any]
HEAD = (
    "", "acquisitions", "**refused**", "connection failed", "other failures", "over 35 s of life", "slowest",
    "tokens bought", "of these for all", "candidates refused", "**sample without the agent: refused**",
)  # fmt: skip


def report(rows: Sequence[Row], scale: float, kinds: Mapping[str, str]) -> str:
    """Return everything that is known of these slices."""
    if not rows:
        return "No slice was played."
    return "\n\n".join((_head(rows, scale), _by_language(rows), _by_kind(rows, kinds), _bought(rows), _memory(rows)))


def _total(rows: Sequence[Row], name: str, way: str) -> Counts:
    found = Counts()
    for row in rows:
        found.add(Counts(**row["asked"][name][way]))
    return found


def _all(rows: Sequence[Row], way: str) -> Counts:
    found = Counts()
    for name in rows[0]["asked"]:
        found.add(_total(rows, name, way))
    return found


def _head(rows: Sequence[Row], scale: float) -> str:
    names = [*rows[0]["asked"]]
    seconds = sum(row["seconds"] for row in rows)
    asked, rotations = _all(rows, "agent").asked, sum(row["rotations"] for row in rows)
    values, rollbacks = (sum(row[name] for row in rows) for name in ("values", "rollbacks"))
    return (
        f"{machine()}. {', '.join(LANGUAGES[name].library() for name in names)}. Life is {scale:g} times faster; "
        f"seconds are the machine's. {asked:,} acquisitions in {seconds:,.0f} s; {rotations} rotations of each of "
        f"{len(names)} clients: Auth0 got {values:,} new values, and {rollbacks:,} old ones by rollback."
    )


def _by_language(rows: Sequence[Row]) -> str:
    cells = [_cells(rows, name) for name in rows[0]["asked"]]
    if len(cells) > 1:
        cells.append(_cells(rows, *rows[0]["asked"], title="all"))
    return table(HEAD, cells)


def _cells(rows: Sequence[Row], *names: str, title: str = "") -> list[str]:
    agent, direct = Counts(), Counts()
    for name in names:
        agent.add(_total(rows, name, "agent"))
        direct.add(_total(rows, name, "direct"))
    ours, _, met = (sum(row["bought"][name][part] for row in rows for name in names) for part in range(3))
    fresh = sum(row["asked"][name]["fresh"] for row in rows for name in names)
    return [
        title or names[0], f"{agent.asked:,}", f"**{agent.refused:,}**", f"{agent.connection:,}", f"{agent.other:,}",
        f"{agent.late:,}", f"{agent.slowest:.1f} s", f"{ours:,}", f"{max(0, ours - fresh):,}", f"{met:,}",
        f"**{direct.refused:,}** of {direct.asked:,}",
    ]  # fmt: skip


def _by_kind(rows: Sequence[Row], kinds: Mapping[str, str]) -> str:
    """Return the connections that failed, by what was done to the agent."""
    cells = []
    for kind, title in kinds.items():
        those = [row for row in rows if row["kind"] == kind]
        if those:
            found = _all(those, "agent")
            counts = (found.asked, found.connection, found.refused, found.other, found.late)
            cells.append([title, str(len(those)), *(f"{each:,}" for each in counts)])
    head = ("slices", "acquisitions", "connection failed", "refused", "other failures", "over 35 s of life")
    return table(("the agent is", *head), cells)


def _bought(rows: Sequence[Row]) -> str:
    names = [*rows[0]["asked"]]
    agent = _all(rows, "agent")
    turns = sum(row["rotations"] for row in rows) * len(names)
    ours = sum(row["bought"][name][0] for row in rows for name in names)
    fresh = sum(row["asked"][name]["fresh"] for row in rows for name in names)
    head = ("tokens bought by an application in a rotation", "with the agent", "without: one each acquisition")
    return table(
        head,
        (
            ("all tokens", f"{ours / turns:.1f}", f"{agent.got / turns:,.1f}"),
            ("of these for all, so without those of an organization", f"{max(0, ours - fresh) / turns:.1f}",
             f"{(agent.got - fresh) / turns:,.1f}"),
        ),
    )  # fmt: skip


def _memory(rows: Sequence[Row]) -> str:
    """Return how much of the agent is in memory: it begins anew where it is killed or restarted."""
    cells = [(f"{number}, {row['kind']}", *(f"{each:.1f} MiB" for each in row["memory"]))
             for number, row in _chosen(rows)]  # fmt: skip
    each = statistics.median(row["memory"][-1] for row in rows)
    told = table(("slice", "at its start", "in its middle", "at its end"), cells)
    return f"{told}\n\nAt the end of a slice the agent has {each:.1f} MiB in the median."


def _chosen(rows: Sequence[Row]) -> list[tuple[int, Row]]:
    """Return the first, the middle and the last slice."""
    return [(number, rows[number]) for number in sorted({0, len(rows) // 2, len(rows) - 1})]
