"""References to secrets: a configuration names where a secret is, and never holds one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from sinks import files, kinds
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
        BadAddress: the secret is not available, or holds characters that no secret has (`flaw`). The message contains
            the reference only.
    """
    if not is_reference(reference):
        # Somebody may have pasted the secret itself into the configuration.
        raise BadAddress(f"found a plain text (not shown), expected {expected()}")
    scheme, _, name = reference.partition(":")
    if scheme == "env":
        secret = _variable(reference, environ.get(name))
    elif scheme == "file":
        secret = _file(reference, Path(name), environ)
    else:
        secret = _stored(reference, environ)
    # A server would only say that the secret is wrong, and a library's error would name no cause at all.
    if (wrong := flaw(secret.reveal())) is not None:
        raise BadAddress(f"{reference}: the value {wrong}", hint=f"write it again without that, where {reference} is")
    return secret


def flaw(text: str) -> str | None:
    """Return what is wrong with the characters of a secret, or None.

    The answer continues a sentence, such as "the value ends with a line break", and repeats no other character. A key
    in PEM form has lines. Nothing else has, and nothing begins or ends with white space.
    """
    if PEM in text:
        text = text.translate(_LINES).strip(" ")
    if any("\ud800" <= character <= "\udfff" for character in text):  # how Python keeps other bytes of a variable
        return "holds bytes that are not text in UTF-8"
    for where, edge in (("begins with", text[:1]), ("ends with", text[-1:])):
        if edge.isspace() or not edge.isprintable():
            return f"{where} {_named(edge)}"
    inner = next((character for character in text if not character.isprintable()), None)
    return f"holds {_named(inner)}" if inner is not None else None


def for_header(reference: str, secret: Secret) -> Secret:
    """Return a secret that is sent in an HTTP header, as it is.

    Raises:
        BadAddress: it holds characters that cannot be in a header, or a space. The message contains the reference only.
    """
    text = secret.reveal()
    if not text.isascii() or not text.isprintable() or " " in text:
        found = "a space" if " " in text else "a character that is not ASCII, or cannot be printed"
        raise BadAddress(f"{reference} holds {found}", hint=f"write it again without that, where {reference} is")
    return secret


PEM = "-----BEGIN "
_LINES = str.maketrans("\r\n\t", "   ")
_NAMES = {
    "\n": "a line break", "\r": "a carriage return", "\t": "a tab", " ": "a space", "\0": "a NUL character",
    "\ufeff": "a byte order mark",
}  # fmt: skip


def _named(character: str) -> str:
    return _NAMES.get(character, "a character that cannot be printed")


def _variable(reference: str, text: str | None) -> Secret:
    if not text:
        found, name = "not set" if text is None else "empty", reference.partition(":")[2]
        raise BadAddress(
            f"{reference}: the variable is {found}",
            hint=f"set {name} in this shell, or name another reference in its place",
        )
    return Secret(text)


def _file(reference: str, path: Path, environ: Mapping[str, str]) -> Secret:
    """Return a file's text without its last line break.

    `~` is the home directory of `environ`, which need not be that of this process.
    """
    if path.parts[:1] == ("~",):
        path = Path(environ.get("HOME", "~"), *path.parts[1:])
    try:
        # Editors and `echo` add one line break. Any other white space may belong to the secret.
        text = files.read(path).decode("utf-8").removesuffix("\n").removesuffix("\r")
    except FileNotFoundError:
        raise BadAddress(f"{reference}: there is no such file") from None
    except PermissionError:
        raise BadAddress(f"{reference}: the file may not be read", hint="look at its owner and mode") from None
    except UnicodeDecodeError:
        raise BadAddress(f"{reference}: the file holds something that is not text") from None
    except files.Unfit as error:
        raise BadAddress(f"{reference}: the file {error}", hint="name a file that holds the secret alone") from None
    except (OSError, ValueError) as error:  # ValueError: no path has a NUL character
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
