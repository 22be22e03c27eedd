"""Playing one case: a client, somebody with few rights, a command; and what must be true of its end."""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random
from typing import Any

from tests.e2e.sinks import Snapshot, VaultPlace
from tests.resilience.deaths.line import At, Blow
from tests.resilience.kill.scenarios import adopted, rotated, soft_delete
from tests.resilience.trust.forging import KNOWN, RIGHTS, Forger

COMMANDS: dict[str, tuple[str, ...]] = {
    "rotate": ("rotate", "--no-wait"),
    "generate": ("rotate", "--no-wait", "--strategy", "auth0-generated"),
    "compromised": ("rotate", "--compromised", "--reason", "leak", "--yes"),
    "sync": ("sync",),
    "retire": ("retire", "--yes"),
    "retire --soft": ("retire", "--soft"),
    "retire --undo": ("retire", "--undo"),
    "resume": ("resume", "--no-wait"),
    "rollback": ("rollback",),
    "repair": ("adopt", "--repair", "--yes"),
}
ENDS = ("vault", "aws", "vault aws")
MOMENTS = 14
WAYS_OUT = 12


def _told(subject: Any) -> None:
    """Keep what the tags and labels say now: somebody may have read them, and write them again later."""
    subject.old = [seen.tags for seen in subject.see()]
    subject.old_labels = [place.versions() if not isinstance(place, VaultPlace) else {} for place in subject.sinks]


def gone_back(subject: Any) -> None:
    """The value that is current was current before, when the tags were others."""
    rotated(subject)
    _told(subject)
    for verb in (("rotate", "--no-wait"), ("rollback", "--no-wait")):
        subject.spread()
        subject.rest()
        subject.must(*verb)


def retired(subject: Any) -> None:
    """There is no fallback any more, and the tags said that there was."""
    rotated(subject)
    _told(subject)
    subject.spread()
    subject.rest()
    subject.must("retire", "--yes")


SCENES = {"adopted": adopted, "rotated": rotated, "aside": soft_delete, "gone back": gone_back, "retired": retired}


@dataclass(frozen=True)
class Case:
    """One case by its number: everything else is drawn from it."""

    number: int

    def __str__(self) -> str:
        return f"case {self.number}"


class Playing:
    """One case on one bench."""

    def __init__(self, bench: Any, number: int, *, real: bool = False) -> None:
        self.real = real  # time passes by itself: nobody waits a day for a forged lock
        self.random = Random(f"trust {number}")
        choose = self.random.choice
        self.ends = choose(ENDS)
        rights = [r for r in RIGHTS if r != "labels" or "aws" in self.ends]
        self.right, self.scene, self.command = choose(rights), choose([*SCENES]), choose([*COMMANDS])
        self.moment = self.random.randrange(-3, MOMENTS)
        self.bench, self.number = bench, number
        self.faults: list[str] = []
        self.told: list[str] = []
        self.argv: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The case in words."""
        when = "before" if self.moment <= 0 else f"at change {self.moment}"
        return f"{self.ends} {self.scene}: {self.right} {when} {self.command}"

    def play(self) -> list[str]:
        """Return what is wrong, with what led there."""
        with self.bench.subject(self.ends, seed=self.number) as subject:
            try:
                self._play(subject)
            except Exception as error:  # noqa: BLE001  # told with the case
                self.faults.append(f"{type(error).__name__}: {error}")
        return [f"{fault} || {' | '.join(self.told)}" for fault in self.faults]

    def _play(self, subject: Any) -> None:
        SCENES[self.scene](subject)
        subject.rest()
        subject.spread()
        forger = Forger(subject, self.random, self.right)
        subject.tenant = next(t for seen in subject.see() if (t := seen.tags.get("bridge_tenant")))
        before = subject.see()
        self.given = len(self._given(subject))
        self.argv = argv = COMMANDS[self.command]
        if self.moment <= 0:
            for _ in range(self.random.choice((1, 1, 2))):
                forger.act()
            self._run(subject, argv)
        else:
            blow = self.random.choice((Blow.DELIVERED, Blow.ANSWERED))
            subject.strike(argv, At(self.moment), blow, meanwhile=lambda _done: forger.act())
            self._say(subject)
        self.told += [f"forged: {text}" for text in forger.wrote]
        self._judge(subject, before, "after the command")
        if self.random.random() < 0.3:  # and once more afterwards
            forger.act()
            self.told += [f"forged after: {text}" for text in forger.wrote[-1:]]
        self._lead_out(subject)
        self._judge(subject, before, "at the end", last=True)

    def _run(self, subject: Any, argv: tuple[str, ...]) -> Any:
        self.argv = argv
        ended = subject.run(argv)
        self._say(subject)
        return ended

    def _say(self, subject: Any) -> None:
        ended = subject.said[-1]
        self.told.append(f"{' '.join(self.argv)} -> {ended.status} {ended.out[:100]} {ended.err[:300]}")
        if ended.status not in (0, 1, 3, 4):
            self.faults.append(f"ended with {ended.status}: {ended.err}")

    def _judge(self, subject: Any, before: list[Snapshot], when: str, *, last: bool = False) -> None:
        given = self._given(subject)
        if KNOWN in given:
            self.faults.append(f"{when}: the forger's value was set at Auth0")
        known = set[str | None]().union(*(seen.readable for seen in before)) - {seen.fallback for seen in before}
        if known.intersection(given[self.given :]):
            self.faults.append(f"{when}: an old value was set at Auth0 that was not the fallback")
        if subject.said[-1].status != 0 and not last:
            return
        live = subject.world.live
        for was, now in zip(before, subject.see(), strict=True):
            if now.current != live:
                self.faults.append(f"{when}: current is not what Auth0 accepts")
            gone = {was.current, was.fallback} - {None} - now.readable
            allowed = self._may_end(was, last=last)
            if gone - allowed and isinstance(subject.sinks[before.index(was)], VaultPlace):
                self.faults.append(
                    f"{when}: {len(gone - allowed)} values became unreadable that were current or fallback"
                )
            theirs = {k: v for k, v in was.beside["document"].items() if now.beside["document"].get(k) != v}
            if theirs:
                self.faults.append(f"{when}: foreign keys changed: {theirs}")

    def _given(self, subject: Any) -> list[str]:
        return [change.value for change in subject.world.tenant.secret_history(subject.world.client_id)]

    def _may_end(self, was: Snapshot, *, last: bool) -> set[str | None]:
        """Return what may be gone by now: by the command's own word, and by the rotation that ends each case."""
        if last or self.command == "compromised":
            return {was.current, was.fallback}
        ending = ("rotate", "generate", "retire", "retire --soft", "sync")
        return {was.fallback} if self.command in ending else set()

    def _lead_out(self, subject: Any) -> None:
        """Do what is said, until a rotation ends well."""
        subject.rest()
        argv: tuple[str, ...] = COMMANDS["rotate"]
        for _ in range(WAYS_OUT):
            ended = self._run(subject, argv)
            if ended.status == 0 and argv[0] == "rotate":
                subject.spread()
                return
            subject.spread()
            argv = self._next(subject, ended, argv)
        self.faults.append(f"no way out in {WAYS_OUT} commands")

    def _next(self, subject: Any, ended: Any, argv: tuple[str, ...]) -> tuple[str, ...]:
        told = f"{ended.err}\n{ended.out}"
        if ended.status == 0:
            return COMMANDS["rotate"]
        if "counts as live until" in told and self.real:
            return ("resume", "--takeover", "--no-wait")
        if "counts as live until" in told:
            for _ in range(2):  # longer than any lock may last
                subject.die_out()
            return argv
        self._mend(subject, told)
        for verb, rest in re.findall(r"secret-bridge (resume|adopt|sync|rotate|rollback)([^;\n]*)", told):
            flags = [f for f in ("--discard-foreign", "--repair", "--compromised") if f in rest]
            more = {
                "--repair": ("--yes",),
                "--discard-foreign": ("--yes",),
                "--compromised": ("--reason", "leak", "--yes"),
            }
            found = (verb, *flags, *(word for f in flags for word in more.get(f, ())))
            return (*found, "--takeover") if verb in ("resume", "rotate") and "--compromised" not in found else found
        return ("resume", "--takeover", "--no-wait")

    def _mend(self, subject: Any, told: str) -> None:
        """Do what a person does who is told to: make room, unset what deletes, take away another manager's tag."""
        with subject.outside():
            for place in subject.sinks:
                if isinstance(place, VaultPlace):
                    for path in (place.path, f"{place.path}/pending"):
                        meta = place.metadata(path)
                        tags = {k: None for k in meta.get("custom_metadata") or {} if k.startswith("junk")}
                        if tags:
                            headers = {"Content-Type": "application/merge-patch+json"}
                            place._http.patch(f"metadata/{path}", json={"custom_metadata": tags}, headers=headers)
                        if "delete_version_after" in told:  # no PATCH takes it away
                            place._http.post(f"metadata/{path}", json={"delete_version_after": "0s"})
                    if "is managed by" in told:
                        place.tag("managed-by", None)
                else:
                    names = [t["Key"] for t in place.describe().get("Tags", ()) if t["Key"].startswith("junk")]
                    if names:
                        place.client.untag_resource(SecretId=place.name, TagKeys=names)
                    if "is managed by" in told:
                        place.tag("managed-by", None)
