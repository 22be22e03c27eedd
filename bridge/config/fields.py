"""The types of values in a configuration, and how each is read. Faults never show what might be a secret.

Values are read strictly: nothing is converted that TOML did not write in that type.
"""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import Annotated, NoReturn

from pydantic import AfterValidator, BeforeValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from bridge.config.agent import EXPECTED_ADDRESS, MODE, split_address
from bridge.config.audit import EXPECTED as EXPECTED_TARGET
from bridge.config.audit import TARGET, is_target
from bridge.config.discovered import FILE_NAME
from bridge.config.fleet import EXPECTED_EVERY, SQLITE, cron
from bridge.config.settings import PLACEHOLDER, PLACEHOLDERS
from bridge.config.stored import ADDRESS, names_one
from bridge.model.tenant_address import base_url
from sinks.references import expected, is_reference, pattern

DURATION = re.compile(r"(\d{1,9})([smhdw])")
# `fromisoformat` takes more forms, such as 20270131, which look like numbers in a review.
DAY = re.compile(r"\d{4}-\d\d-\d\d")
SINK = re.compile(r"[a-z][a-z0-9+.-]*://[^\s#]+(#[^\s#]+)?")
NAME_PART = re.compile(r"[A-Za-z0-9_.-]*")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
FAULT = "fault"
SHOWN = 80
LONGEST_SOCKET = 107


def refuse(found: str, expected: str) -> NoReturn:
    """Raise a fault in the bridge's own words.

    `found` is the value, or only its type if the value might be a secret.

    Raises:
        PydanticCustomError: always. Its type is `FAULT`, by which `faults` recognises it.
    """
    raise PydanticCustomError(FAULT, "{text}", {"text": f"found {found}, expected {expected}"})


def quoted(text: str) -> str:
    """Return a text in quotes, cut after 80 characters. The caller must ensure that it is not a secret."""
    return f'"{text[:SHOWN]}…"' if len(text) > SHOWN else f'"{text}"'


def named(value: object) -> str:
    """Return the type of a value in TOML's words, without the value.

    It serves messages about values that might be secrets.
    """
    kinds = {bool: "true or false", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a table"}
    return kinds.get(type(value), "a date")


def duration(value: object) -> timedelta:
    """Return the duration that a text such as `90d`, `24h`, `30m`, `10s` or `2w` means.

    Raises:
        PydanticCustomError: the value is not a duration, or it is too long.
    """
    match = DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        refuse(quoted(value) if isinstance(value, str) else named(value), "a duration such as 90d, 24h, 30m or 10s")
    try:
        return timedelta(**{UNITS[match.group(2)]: int(match.group(1))})
    except OverflowError:
        refuse(quoted(match.group()), "a shorter duration")


def day(value: object) -> date:
    """Return the day that a TOML date, or a text such as `2027-01-31`, means.

    Raises:
        PydanticCustomError: the value is not a day. A TOML date with a time is not one either.
    """
    # A `datetime` is a `date` too, and its time and zone would be lost.
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    try:
        return date.fromisoformat(value if isinstance(value, str) and DAY.fullmatch(value) else "")
    except ValueError:
        refuse(quoted(value) if isinstance(value, str) else named(value), "a day such as 2027-01-31")


def _reference(text: str, info: ValidationInfo) -> str:
    # A secret in the file would be committed with it (ADR 18), so it is neither taken nor shown.
    vaults: tuple[str, ...] = tuple(info.context or ())
    if is_reference(text) or names_one(text, vaults):
        return text
    # A text that looks like one, such as a URL with a token in it, may still be a secret.
    named = f", or NAME://…#KEY with a NAME of [vaults]: {', '.join(vaults)}" if ADDRESS.fullmatch(text) else ""
    refuse("a plain text (not shown)", f"{expected()}{named}")


def _client_id(text: str) -> str:
    """Check a client id, which is public, so that it may be written plainly, or as env: or file:."""
    if text.startswith(("env:", "file:")) and is_reference(text):
        return text
    if not text.strip() or text.startswith(("env:", "file:")) or any(c.isspace() for c in text):
        refuse("a text that is none", "a client id, env:NAME or file:PATH")
    return text


def _every(value: object) -> timedelta:
    found = duration(value)
    if cron(found) is None:
        refuse(quoted(str(value)), EXPECTED_EVERY)
    return found


def _database(text: str, info: ValidationInfo) -> str:
    """Check where the engine's database is: a file of its own, or a reference, because a URL holds a password."""
    return text if text.startswith(SQLITE) and len(text) > len(SQLITE) else _reference(text, info)


def _plain_id(text: str) -> str:
    if not text or any(c.isspace() for c in text):
        refuse("a text that is none", "a client id")
    return text


def _domain(text: str) -> str:
    try:
        base_url(text)
    except ValueError as error:
        refuse("a text (not shown)" if "@" in text else quoted(text), str(error))  # a URL may hold a password before @
    return text


def _sink_uri(text: str) -> str:
    # A URI may hold a password before its @.
    if SINK.fullmatch(text) is None:
        refuse(quoted(text) if "@" not in text else "a text (not shown)", "VAULT://PATH or VAULT://PATH#KEY")
    return text


def _words(value: object) -> object:
    if isinstance(value, str):
        # A text would need a shell to split it, and a shell would also expand what it holds.
        refuse("a text", 'a list of words such as ["systemctl", "restart", "billing"] (no shell)')
    return value


def _audit_target(text: str) -> str:
    if not is_target(text):
        refuse(quoted(text), EXPECTED_TARGET)
    return text


def _filled(text: str) -> str:
    if not text.strip():
        refuse("an empty text", "a text")
    return text


def _socket_path(text: str) -> str:
    # Longer paths cannot be bound (unix(7)).
    if not text.startswith("/") or len(text.encode()) > LONGEST_SOCKET or not text.isprintable():
        refuse(quoted(text), f"a whole path of at most {LONGEST_SOCKET} bytes, such as /run/secret-bridge/agent.sock")
    return text


def _socket_mode(text: str) -> str:
    if not MODE.fullmatch(text):
        refuse(quoted(text), 'a mode as chmod writes it, such as "0660"')
    return text


def _loopback_address(text: str) -> str:
    if split_address(text) is None:
        refuse(quoted(text), EXPECTED_ADDRESS)
    return text


def _template(text: str) -> str:
    # A brace that means nothing would end up in a path or a command.
    if set(PLACEHOLDER.sub("", text)) & {"{", "}"}:
        refuse(quoted(text), f"no other braces than those of {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}")
    return text


def _name_template(text: str) -> str:
    left = PLACEHOLDER.sub("", _template(text))
    if "{name}" in text or (left and NAME_PART.fullmatch(left) is None):
        refuse(quoted(text), "letters, digits, _ . - and {application}, {client_id} or {metadata.KEY}")
    return text


def _sink_template(text: str) -> str:
    return _template(_sink_uri(text))


def _file_name(text: str) -> str:
    # Beside the configuration, so that whoever may write there is known to be trusted (ADR 38).
    if FILE_NAME.fullmatch(text) is None:
        refuse(quoted(text), "the name of a file beside this one, such as clients.toml, without a directory")
    return text


def text_schema(pattern: str, description: str) -> WithJsonSchema:
    """Return the schema of a text that a pattern matches as a whole."""
    return WithJsonSchema({"type": "string", "pattern": f"^({pattern})$", "description": description})


Duration = Annotated[
    timedelta, BeforeValidator(duration), text_schema(DURATION.pattern, "A duration such as 90d, 24h, 30m or 10s")
]
Every = Annotated[timedelta, BeforeValidator(_every), text_schema(DURATION.pattern, f"A duration: {EXPECTED_EVERY}")]
Day = Annotated[date, BeforeValidator(day), text_schema(DAY.pattern, "A day such as 2027-01-31, quoted or not")]
Reference = Annotated[
    str,
    AfterValidator(_reference),
    text_schema(f"{pattern()}|{ADDRESS.pattern}", f"Where the secret is: {expected()}, or NAME://…#KEY of [vaults]"),
]
Database = Annotated[
    str,
    AfterValidator(_database),
    text_schema(f"^{SQLITE}.+|{pattern()}|{ADDRESS.pattern}", f"{SQLITE}PATH, or where the URL is: {expected()}"),
]
PlainReference = Annotated[
    str, AfterValidator(_reference), text_schema(pattern(), f"Where the secret is: {expected()}")
]
"""A reference that a vault's own login needs, so that no vault of the file can hold it."""
ClientId = Annotated[str, AfterValidator(_client_id)]
PlainId = Annotated[str, AfterValidator(_plain_id)]
Domain = Annotated[str, AfterValidator(_domain)]
SinkUri = Annotated[
    str, AfterValidator(_sink_uri), text_schema(SINK.pattern, "A sink: VAULT://PATH or VAULT://PATH#KEY")
]
AuditTarget = Annotated[str, AfterValidator(_audit_target), text_schema(TARGET.pattern, f"Where to: {EXPECTED_TARGET}")]
Text = Annotated[str, AfterValidator(_filled)]
SinkTemplate = Annotated[
    str,
    AfterValidator(_sink_template),
    text_schema(SINK.pattern, f"A sink, with placeholders: {', '.join(f'{{{name}}}' for name in PLACEHOLDERS)}"),
]
Template = Annotated[str, AfterValidator(_filled), AfterValidator(_template)]
NameTemplate = Annotated[str, AfterValidator(_filled), AfterValidator(_name_template)]
Templates = Annotated[list[Template], BeforeValidator(_words)]
Globs = Annotated[
    list[Text],
    BeforeValidator(lambda value: [value] if isinstance(value, str) else value),
    WithJsonSchema({"type": ["string", "array"], "items": {"type": "string"}, "minLength": 1, "minItems": 1}),
]
"""One glob, or a list of them."""
FileName = Annotated[
    str,
    AfterValidator(_file_name),
    text_schema(FILE_NAME.pattern, "The name of a file beside the configuration, such as clients.toml"),
]
Words = Annotated[list[Text], BeforeValidator(_words)]
SocketPath = Annotated[str, AfterValidator(_socket_path)]
SocketMode = Annotated[
    str, AfterValidator(_socket_mode), WithJsonSchema({"type": "string", "pattern": f"^{MODE.pattern}$"})
]
LoopbackAddress = Annotated[str, AfterValidator(_loopback_address)]
