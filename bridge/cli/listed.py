"""The commands there are, by name and by their line in --help, so that neither needs the modules of the commands."""

from __future__ import annotations

from typing import NamedTuple

ROTATE, USE, SECURITY, SET_UP = "Rotate", "Use", "Security", "Set up"
"""The panels of --help."""


class Listed(NamedTuple):
    """A command as the program's own --help shows it."""

    name: str
    """What is typed."""
    module: str
    """The module in `bridge.cli.commands` that has it."""
    panel: str
    """The panel that it is in."""
    help: str
    """The first paragraph of its own --help, in one line."""


# fmt: off
LISTED = (
    Listed(
        "rotate", "rotate", ROTATE,
        "Rotate and publish. What was interrupted is settled first. A rotation that was under way ends with that.",
    ),
    Listed(
        "resume", "rotate", ROTATE,
        "Settle what was interrupted: publish what Auth0 accepts, or give the sinks back. Safe to repeat, anywhere.",
    ),
    Listed("rollback", "rotate", ROTATE, "Make the fallback's value live at Auth0 again, and current everywhere."),
    Listed(
        "sync", "rotate", ROTATE,
        "Publish the value that Auth0 holds: after a change in its dashboard, or when sinks came to differ.",
    ),
    Listed(
        "read", "use", USE,
        "Print a stored value on standard output, for scripts. The first sink that answers serves it.",
    ),
    Listed(
        "exec", "use", USE,
        "Start a command with the secret in its environment: AUTH0_CLIENT_ID, …_SECRET, …_SECRET_FALLBACK.",
    ),
    Listed(
        "agent", "agent", USE,
        "Serve tokens to applications on this machine: a token endpoint that tries the candidates.",
    ),
    Listed(
        "status", "security", SECURITY,
        "Show how clients stand: ages, fallbacks, what is interrupted or due. Reads metadata only, never a value.",
    ),
    Listed(
        "verify", "security", SECURITY,
        "Ask Auth0: is each sink's current value accepted, is the fallback refused? Exits with 5 when not.",
    ),
    Listed(
        "history", "security", SECURITY,
        "Show who changed what when, and the versions there are, from the vaults' metadata.",
    ),
    Listed("retire", "security", SECURITY, "Make the fallback's value unreadable everywhere, once nobody can need it."),
    Listed(
        "evidence", "security", SECURITY,
        "Ask the tenant's logs who still fails with an old value. Exits with 5 when somebody does, or it is not known.",
    ),
    Listed(
        "watch", "watch", SECURITY,
        "Follow the tenants' logs: tell or repair what was changed outside the bridge, and name who still fails.",
    ),
    Listed(
        "report", "report", SECURITY,
        "Write how all clients stand as one HTML file, or as CSV, JSON or metrics. Reads metadata only, never a value.",
    ),
    Listed(
        "policy", "policy", SECURITY,
        "Print the rights that a role needs at Vault, AWS and Auth0, to paste: these, and no more.",
    ),
    Listed(
        "doctor", "doctor", SET_UP,
        "Look for what stands in the way at tenants, vaults, clients and sinks, with the remedy. Changes nothing.",
    ),
    Listed("adopt", "setup", SET_UP, "Take over existing sinks without changing the value that applications use."),
    Listed("forget", "setup", SET_UP, "Give sinks back: remove the bridge's tags. Values and versions stay."),
    Listed(
        "init", "setup", SET_UP,
        "Print a bridge.toml made from the environment. It holds references, never a secret.",
    ),
    Listed(
        "discover", "discover", SET_UP,
        "Find applications by the rules in bridge.toml: what is new, gone or in the way. --write makes them clients.",
    ),
    Listed(
        "sandbox", "demo", SET_UP,
        "Keep a local Auth0, OpenBao and AWS running, with a bridge.toml for them. Needs the extra 'sandbox'.",
    ),
    Listed(
        "demo", "demo", SET_UP,
        "Tell the whole story on local servers, in half a minute. Needs the extra 'sandbox'. Changes nothing of yours.",
    ),
    Listed(
        "worker", "fleet", ROTATE,
        "Do what is next for every client, again and again: one of several machines. Without --once: extra 'fleet'.",
    ),
    Listed("fleet", "fleet", SECURITY, "See and steer what the workers of several machines do."),
    Listed("audit", "audit", SECURITY, "Check or show the record of every attempt to change something."),
    Listed(
        "version", "version", SET_UP,
        "Show the versions of the program, its libraries and extras, the least of the servers, and the state's format.",
    ),
)
# fmt: on
"""In the order in which --help and the completion have them. A test compares it with the commands' own texts."""
