"""Checks whether a stored value is Base64, for clients whose verifiers decode it.

This is the one check that has to read a value.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from sinks.errors import SinkError

if TYPE_CHECKING:
    from bridge.doctor.report import Report
    from sinks.reader import Reader
    from sinks.secret import Secret


def is_base64(value: Secret) -> bool:
    """Return whether a value can be decoded as Base64, in the standard or the URL-safe alphabet.

    Padding must be right, as strict verifiers require it.
    """
    try:
        base64.b64decode(value.reveal().replace("-", "+").replace("_", "/"), validate=True)
    except (binascii.Error, ValueError):
        return False
    return True


def check(report: Report, reader: Reader, command: str) -> None:
    """Judge the current value of a sink whose client has a Base64 secret.

    A sink that cannot be read or holds no value gets no finding here.
    """
    try:
        value = reader.latest().value
    except SinkError:
        return  # the checks of the sink report why
    if value is None:
        return
    if is_base64(value):
        report.ok("the value is Base64, as its client says")
    else:
        told = "its client's secret is Base64 (secret_encoded), and the value here is not"
        report.wrong("client-base64-value", told, command=command)
