"""References to secrets: a configuration names where a secret is, and never holds one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from sinks import kinds
from sinks.errors import BadAddress
from sinks.secret import Secret


def expected() -> str:
    """Return the forms of a reference, for messages."""
    return f"env:NAME, file:PATH, {kinds.addresses('#KEY')}"


def pattern() -> str:
    """Return a regular expression for a complete reference."""
    return rf"env:[A-Za-z_][A-Za-z0-9_]*|file:[^\n]+|({'|'.join(kinds.names())})://[^\s/#]+/[^\s#]+(#[^\s#]+)?"


def is_reference(text: str) -> bool:
    """Return whether a text is a complete reference.

    Only the form is checked. The variable, file or sink may be missing.
    """
    return re.fullmatch(pattern(), text) is not None


def resolve(reference: str, environ: Mapping[str, str]) -> Secret:
    """Return the secret that a reference names.

    `environ` supplies the variables of `env:NAME`, and describes the vault of a sink. Only a reference to a sink sends
    requests.

    Raises:
        BadAddress: the secret is not available. The message contains the reference only.
    """
    if not is_reference(reference):
        # Somebody may have pasted the secret itself into the configuration.
        raise BadAddress(f"found a plain text (not shown), expected {expected()}")
    scheme, _, name = reference.partition(":")
    if scheme == "env":
        return _variable(reference, environ.get(name))
    if scheme == "file":
        return _file(reference, Path(name), environ)
    return _stored(reference, environ)


def _variable(reference: str, text: str | None) -> Secret:
    if not text:
        raise BadAddress(f"{reference}: the variable is {'not set' if text is None else 'empty'}")
    return Secret(text)


def _file(reference: str, path: Path, environ: Mapping[str, str]) -> Secret:
    """Return a file's text without its last line break.

    `~` is the home directory of `environ`, which need not be that of this process.
    """
    if path.parts[:1] == ("~",):
        path = Path(environ.get("HOME", "~"), *path.parts[1:])
    try:
        # Editors and `echo` add one line break. Any other white space may belong to the secret.
        text = path.read_text("utf-8").removesuffix("\n").removesuffix("\r")
    except FileNotFoundError:
        raise BadAddress(f"{reference}: there is no such file") from None
    except PermissionError:
        raise BadAddress(f"{reference}: the file may not be read", hint="look at its owner and mode") from None
    except UnicodeDecodeError:
        raise BadAddress(f"{reference}: the file holds something that is not text") from None
    except OSError as error:
        raise BadAddress(f"{reference}: the file cannot be read ({type(error).__name__})") from None
    if not text:
        raise BadAddress(f"{reference}: the file is empty")
    return Secret(text)


def _stored(reference: str, environ: Mapping[str, str]) -> Secret:
    from sinks import open_sink
    from sinks.port import SinkError, Stage

    scheme = reference.partition(":")[0]
    try:
        settings = kinds.kind(scheme).from_environment(environ)
        state = open_sink(reference, scheme, settings, resolve=lambda inner: resolve(inner, environ)).read()
    except SinkError as error:
        raise BadAddress(f"{reference}: {error.message}", hint=error.hint) from None
    value = state.value(Stage.CURRENT)
    if value is None:
        raise BadAddress(f"{reference}: there is no value")
    return value
