"""What may be done in one step, and how often it is chosen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from bridge.model.operation import Strategy
from tests.resilience.random.commands import Command
from tests.resilience.random.mishaps import AUTH0_FAULTS, UNDISTURBED, Mishap
from tests.resilience.random.others import WRITES

SECONDS = (5, 31, 31, 200, 86_400, 15 * 86_400)
MEDDLING = (
    "sibling", "sibling", "tag", "dashboard", "overwrite", "wipe", "resume", "resume", "rotate", "sync", "adopt",
    "undo", "record",
)  # fmt: skip


@dataclass(frozen=True)
class Do:
    """Give a command, to which something happens on its way."""

    command: Command
    mishap: Mishap = UNDISTURBED


@dataclass(frozen=True)
class Other:
    """Somebody else does something, so many times."""

    what: str
    where: int = 0
    times: int = 1


@dataclass(frozen=True)
class Later:
    """Time passes."""

    seconds: int


@dataclass(frozen=True)
class Reading:
    """The scopes read:client_keys and read:logs are granted, or revoked."""

    keys: bool
    logs: bool


@dataclass(frozen=True)
class Configure:
    """Somebody changes the configuration: documents shall have sibling keys, or none, or what they have."""

    sibling_keys: bool | None


@dataclass(frozen=True)
class Mend:
    """Everything is put right, by the hints."""


@dataclass(frozen=True)
class Several:
    """One after the other: what single steps come to too rarely."""

    actions: tuple[Do | Later, ...]


Action = Do | Other | Later | Reading | Configure | Mend | Several

yes = st.booleans()
rarely = st.sampled_from((False, False, False, True))
calls = st.integers(0, 45)
often = st.sampled_from((1, 1, 2, 3, 60))
killed = st.builds(Mishap, st.just("killed"), st.integers(0, 22), yes)
failing = st.builds(
    Mishap, st.sampled_from(("vault", "aws")), calls, yes, often, st.sampled_from(("", "", "denied"))
)  # fmt: skip
faulty = st.builds(
    Mishap, st.just("auth0"), st.integers(0, 8), st.just(value=False), often, st.sampled_from(AUTH0_FAULTS)
)
jumps = st.builds(Mishap, st.just("jump"), calls, yes, what=st.sampled_from(("6", "12", "45", "300")))
stopped = st.builds(Mishap, st.just("stopped"), calls)
meddled = st.builds(Mishap, st.just("meddled"), calls, yes, what=st.sampled_from(MEDDLING))
nothing = st.just(UNDISTURBED)
mishaps = st.one_of(nothing, nothing, nothing, killed, killed, failing, faulty, jumps, stopped, meddled)


def command(verb: str, **options: st.SearchStrategy[Any]) -> st.SearchStrategy[Do]:
    """Return a command with options that are drawn."""
    return st.builds(Do, st.builds(Command, st.just(verb), st.fixed_dictionaries(options)), mishaps)


strategies = st.sampled_from(list(Strategy))
leaked = {"compromised": st.just(value=True), "reason": st.just("seen in a log")}
unsettled = {"settle": st.just(value=False)}
rotations = command("rotate", settle=yes, takeover=yes)
resumes = command("resume", takeover=yes, **unsettled)
commands = st.one_of(
    rotations,
    rotations,
    command("rotate", takeover=yes, strategy=strategies, bring=rarely, **unsettled),
    command("rotate", takeover=yes, **leaked),
    resumes,
    resumes,
    command("resume", takeover=yes, discard_foreign=st.just(value=True), **unsettled),
    command("rollback", discard=yes, takeover=yes, **unsettled),
    command("sync", takeover=yes),
    command("sync", takeover=yes, **leaked),
    command("retire", takeover=yes, softly=yes),
    command("retire", takeover=yes, softly=yes),
    command("undo", takeover=yes),
    command("record"),
    command("adopt", takeover=yes, repair=yes),
    command("forget", takeover=yes),
)
others = st.one_of(
    st.builds(Other, st.sampled_from(WRITES), st.integers(0, 1)),
    st.builds(Other, st.just("sibling"), st.integers(0, 1), st.integers(1, 4)),
)
sibling_keys = st.sampled_from((None, True, True, False))
later = st.builds(Later, st.sampled_from(SECONDS))
rotated = st.just(Do(Command("rotate", {"takeover": True, "settle": False})))
a_day = st.just(Later(2 * 86_400))
soft_delete = command("retire", takeover=st.just(value=True), softly=st.just(value=True))
after_that = st.one_of(
    command("undo", takeover=yes),
    command("undo", takeover=yes),
    command("retire", takeover=yes, softly=rarely),
    commands,
)
softly = st.builds(Several, st.tuples(rotated, a_day, soft_delete, after_that, later, after_that))
actions: st.SearchStrategy[Action] = st.one_of(
    commands, commands, commands, commands, commands, commands,
    softly,
    others, others,
    later, later,
    st.one_of(st.builds(Reading, yes, yes), st.builds(Configure, sibling_keys), st.builds(Mend)),
)  # fmt: skip
