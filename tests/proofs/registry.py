"""The proofs there are: the command of each, and the modules that it exercises."""

from __future__ import annotations

from dataclasses import dataclass

CORE = ("bridge.operations.*", "bridge.auth0.api", "sinks.vault.sink", "sinks.aws.sink")
"""The operations and both sinks; what they import comes with them."""

STORIES = (
    "advice", "bad_inputs", "behind_a_gateway", "changed_elsewhere", "command_line", "compromised",
    "discarding_foreign", "doctor_remedies", "dry_run", "exec", "foreign_writes", "given_again", "going_back",
    "leak_at_once", "left_behind", "locks", "looking", "naming_places", "not_since", "order", "reading", "refusals",
    "repairing_after_soft_retirement", "repairing_commands", "retire", "retire_softly", "rotate", "rotated_lately",
    "settled_then_refused", "several_clients", "sibling_keys", "surroundings", "sync", "typed_values", "unproven",
    "unusable_values", "vanished", "words",
)  # fmt: skip
"""The files of `tests/e2e` about what commands do to one client or a few: `test_NAME.py`."""

WINGS = tuple(
    f"sinks.{kind}.{wing}" for kind in ("aws", "vault") for wing in ("policy", "diagnose", "inspect", "known")
)
"""What a kind of store knows for `policy` and `doctor` only."""


@dataclass(frozen=True)
class Proof:
    """A proof that takes longer than a test may. `about` is its claim, for the docs.

    `roots` are the modules that it exercises; `without` are packages that they import and that prove nothing. `files`
    are patterns of other files that it stands on.
    """

    command: str
    roots: tuple[str, ...]
    about: str
    without: tuple[str, ...] = ("bridge.cli", "bridge.config", "tests.proofs", *WINGS)
    files: tuple[str, ...] = ()


def _suite(name: str, about: str, *roots: str, **more: tuple[str, ...]) -> Proof:
    return Proof(f"python -m tests.proofs.suites {name}", roots, about, **more)


PROOFS: dict[str, Proof] = {
    "deaths": Proof(
        "python -m tests.resilience.deaths",
        (*CORE, "tests.resilience.deaths.bench", "tests.resilience.deaths.play"),
        "killed, frozen or delayed in any server state, and finished in any way, also by one that dies: in one process",
    ),
    "model": Proof(
        "python -m tests.resilience.model",
        (*CORE, "tests.resilience.model.search", "tests.resilience.model.scenarios"),
        "every interleaving of operators, sleepers and strangers, with a crash between any two calls, on model servers",
    ),
    "random": Proof(
        "python -m tests.resilience.random",
        (*CORE, "tests.resilience.random.machine", "tests.resilience.random.servers"),
        "random commands, deaths, faults and foreign writes, one after the other, on real servers",
    ),
    "kill": Proof(
        "python -m tests.resilience.kill",
        (*CORE, "tests.resilience.deaths.play", "tests.resilience.kill.bench"),
        "the same cases by real processes, killed and stopped by real signals, on real servers over real connections",
    ),
    "trust": Proof(
        "python -m tests.resilience.trust",
        (*CORE, "tests.resilience.trust.play", "tests.resilience.deaths.bench"),
        "forged tags, labels and lock documents before, within and after every command: no value of a forger is set",
    ),
    "applications": _suite(
        "applications",
        "applications in Python and Node, and the docs' recipes, through rotations: each has a token at any moment",
        *CORE, "bridge.cli.commands", "bridge.consumer", "tests.unit.consumer.*", "tests.recipes.*",
        without=("tests.proofs",),
        files=(
            "docs/guide/applications.md", "docs/guide/recipes.md", "docs/guide/deploy/**/*",
            "docs/reference/read-order.*", "tests/unit/consumer/*.mjs",
        ),
    ),
    "attacks": _suite(
        "attacks",
        "one attack each: what somebody with few rights writes, the command that meets it, and what must be so after",
        *CORE, "tests.resilience.trust.*", "tests.resilience.deaths.bench",
    ),
    "benchmarks": _suite(
        "benchmarks",
        "each benchmark, run small: what it counts, and that readers are served in it",
        *CORE, "bridge.cli.commands", "bridge.consumer", "bridge.agent.*", "tests.bench.*",
        without=("tests.proofs",), files=("tests/bench/readers/*",),
    ),
    "canary": _suite(
        "canary",
        "every command with debug logging on: no secret is in what it says, logs, records or leaves behind",
        *CORE, "bridge.cli.commands", "tests.canary.*",
        without=("tests.proofs",),
    ),
    "faults": _suite(
        "faults",
        "each end failing in each way at each step: how the command ends, what it says, and that this advice cures it",
        *CORE, "bridge.cli.commands", "tests.resilience.faults.*",
        without=("tests.proofs",),
    ),
    "image": _suite(
        "image",
        "the container image, built and run with a read-only root: what is in it, a rotation, a stop as process 1",
        "tests.deploy.test_image",
        without=("bridge", "sinks", "tests.proofs"),
        files=("docs/guide/deploy/image/*", ".ci/constraints.txt"),
    ),
    "many": _suite(
        "many",
        "many clients at a time: what the servers are asked, who is picked and when, and what `discover` would manage",
        *CORE, "bridge.cli.commands", "bridge.config.load", "tests.e2e.test_counted", "tests.e2e.test_discover",
        "tests.e2e.test_jobs", "tests.e2e.test_picking", "tests.e2e.test_windows", "tests.e2e.conftest",
        without=("tests.proofs",),
    ),
    "notifications": _suite(
        "notifications",
        "messages of every command and of applications, to receivers that answer, fail and hang: no secret, no delay",
        *CORE, "bridge.cli.commands", "bridge.consumer", "bridge.notify.deliver", "tests.unit.notify.*",
        without=("tests.proofs",), files=("docs/guide/notifications.md",),
    ),
    "rights": _suite(
        "rights",
        "the policies of every role, line by line: what it grants is what its commands ask for, and none can go",
        *CORE, "bridge.cli.commands", "sinks.vault.policy", "sinks.aws.policy", "tests.unit.policy.*",
        without=("tests.proofs",),
    ),
    "browser": _suite(
        "browser",
        "the report in a real Chromium, of five clients and of five thousand, by eye, keyboard and on paper",
        "bridge.report.page", "tests.unit.report.test_in_a_browser", "tests.unit.report.conftest",
        without=("tests.proofs",), files=("bridge/report/assets/*",),
    ),
    "commands": _suite(
        "commands",
        "the commands from end to end: what each does, refuses, says and leaves, and what doctor's remedies mend",
        *CORE, "bridge.cli.commands", "bridge.config.load", "bridge.doctor.examine", "sinks.vault.diagnose",
        "sinks.aws.diagnose", "tests.e2e.conftest", *(f"tests.e2e.test_{name}" for name in STORIES),
        without=("tests.proofs",),
    ),
    "doctor": _suite(
        "doctor",
        "each thing that can be wrong before a rotation, made on real servers, and what `doctor` says of it",
        "bridge.doctor.*", "bridge.auth0.api", "bridge.cli.commands.doctor", "sinks.vault.sink", "sinks.aws.sink",
        "sinks.vault.diagnose", "sinks.aws.diagnose", "tests.unit.doctor.*",
        without=("tests.proofs",), files=("docs/guide/*.md",),
    ),
    "record": _suite(
        "record",
        "the audit record of real commands, also of a hundred processes at once, and the evidence that Auth0's log is",
        *CORE, "bridge.cli.commands", "bridge.audit.*", "bridge.evidence.*", "tests.unit.audit.*",
        "tests.unit.evidence.*",
        without=("tests.proofs",),
    ),
    "sandbox": _suite(
        "sandbox",
        "the sandbox: its Auth0 by Auth0's own document and SDK, its AWS by the AWS CLI, and that nothing outlives it",
        *CORE, "bridge.cli.commands", "bridge.sandbox.*", "bridge.sandbox.auth0.*", "tests.unit.sandbox.*",
        without=("tests.proofs",), files=("tests/unit/sandbox/*.json",),
    ),
    "sinks": _suite(
        "sinks",
        "both sinks on real servers: the contract that they share, every call lost or late, and every foreign write",
        "sinks.*", "sinks.aws.*", "sinks.vault.*", "bridge.sandbox.moto_server", "tests.contract.*",
        "tests.unit.sinks.*", "tests.unit.sinks.aws.*", "tests.unit.sinks.aws.over_http.*", "tests.unit.sinks.vault.*",
        without=("tests.proofs", "bridge.cli"),
    ),
    "typed": _suite(
        "typed",
        "pages of the docs, typed or compared: the guide, a stranger's first rotation, moving here, and the protocol",
        *CORE, "bridge.cli.commands", "tests.docs.test_first_rotation", "tests.docs.test_guide",
        "tests.docs.test_moving", "tests.docs.test_protocol",
        without=("tests.proofs",), files=("README.md", "docs/guide/*.md", "docs/internals/protocol.md"),
    ),
    "found": _suite(
        "found",
        "what the random sequences have found, once more, and that every dead end has a way out",
        *CORE, "tests.resilience.random.*",
    ),
    "deployment": _suite(
        "deployment",
        "files to copy pass the checkers of their kind, and their jobs rotate with no secret stored, on local servers",
        "bridge.config.load", "bridge.config.references", "bridge.auth0.api", "sinks.vault.connection",
        "tests.deploy.test_files", "tests.deploy.test_keyless", "tests.deploy.conftest",
        without=(
            "tests.proofs", "tests.e2e", "tests.canary", "tests.support", "bridge.cli", "bridge.evidence",
            "bridge.execution", "bridge.operations", "bridge.planning",
        ),
        files=("docs/guide/ci.md", "docs/guide/deploy/**/*", ".github/**/*"),
    ),
    "agent": _suite(
        "agent",
        "the agent as a process: what it answers, attacks on it, reloads and ends, and that it tells no secret",
        "bridge.agent.*", "bridge.cli.commands.agent", "bridge.config.load", "bridge.consumer", "tests.unit.agent.*",
        without=(
            "tests.proofs", "bridge.evidence", "bridge.execution", "bridge.operations", "bridge.planning", *WINGS,
        ),
    ),
    "watch": _suite(
        "watch",
        "what the watch tells and repairs, once, whatever becomes of the log, its checkpoint and other watchers",
        *CORE, "bridge.cli.commands", "bridge.watch.*", "tests.e2e.test_watch", "tests.e2e.test_watch_live",
        "tests.e2e.conftest",
        without=("tests.proofs",),
    ),
    "fleet": _suite(
        "fleet",
        "workers on a real Postgres and on SQLite: killed, without a database, beside forged rows; 30 days of sweeps",
        *CORE, "bridge.cli.commands", "bridge.cli.working", "bridge.cli.health", "bridge.fleet.*",
        "tests.e2e.test_fleet", "tests.e2e.test_worker", "tests.e2e.test_thirty_days", "tests.e2e.conftest",
        without=("tests.proofs",),
    ),
    "adapters": _suite(
        "adapters",
        "the worker of Temporal's page, as processes on its development server: once, also killed, and no value in it",
        "bridge.fleet.act", "bridge.fleet.sweep", "bridge.config.load", "tests.e2e.test_temporal",
        without=("tests.proofs", "bridge.evidence", "bridge.execution", "bridge.operations", "bridge.planning", *WINGS),
        files=("docs/guide/deploy/fleet/temporal_worker.py",),
    ),
    "site": _suite(
        "site",
        "the documentation site: built strictly, every link followed, opened in Chromium at desk and phone width",
        "tests.site.test_builds", "tests.site.test_in_a_browser", "tests.site.conftest",
        without=("tests.proofs", "tests.e2e", "bridge", "sinks"),
        files=(  # all pages but reliability.md: it quotes the ledger
            ".site/**/*", "README.md", ".github/*.md", "tests/README.md", "docs/*.md", "docs/adr/*", "docs/guide/**/*",
            "docs/internals/[!r]*.md", "docs/internals/*.svg", "docs/reference/*",
        ),
    ),
    "pictures": _suite(
        "pictures",
        "the pictures of a terminal in the documentation: the words are those that the commands print",
        *CORE, "bridge.cli.commands", "tests.site.test_terminal",
        without=("tests.proofs",), files=("docs/guide/demo.svg", "docs/guide/status.svg"),
    ),
    "drills": _suite(
        "drills",
        "the drills' pages, typed from top to bottom",
        *CORE, "bridge.cli.commands", "tests.drills.*",
        without=("tests.proofs",), files=("docs/guide/drills/*.md",),
    ),
    "interruption": _suite(
        "interruption",
        "every death of every story of the operations, and of the `resume` that follows it",
        *CORE, "tests.e2e.test_interruption", "tests.e2e.test_killed_softly", "tests.e2e.conftest",
    ),
    "races": _suite(
        "races",
        "operators at the same instant, stopped ones that wake up late, and thirty at once",
        *CORE, "tests.resilience.races.*",
    ),
    "rotations": _suite(
        "rotations",
        "two hundred rotations with other writers in between",
        *CORE, "tests.e2e.test_many_rotations", "tests.e2e.conftest",
    ),
    "searches": _suite(
        "searches",
        "the model's part that fits into a minute, and that it sees each guard of the protocol that is removed",
        *CORE, "tests.resilience.model.*",
    ),
    "sequences": _suite(
        "sequences",
        "random commands, deaths and foreign writes, one after the other",
        *CORE, "tests.resilience.random.test_random", "tests.resilience.random.conftest",
    ),
    "together": _suite(
        "together",
        "one process for eight clients, killed, frozen or asked to stop at any moment, and the command that follows",
        *CORE, "bridge.cli.commands", "tests.resilience.together.*",
        without=("tests.proofs",),
    ),
}  # fmt: skip
