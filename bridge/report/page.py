"""The report as one HTML file.

Style, script and data are inside the file, and its content security policy allows no request.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from importlib.resources import files
from string import Template

from bridge.planning.status import Kind
from bridge.report.figures import Report, Row
from bridge.report.markup import Html, joined, tag, text
from sinks.clock import span
from sinks.versions import short

# The data is inside a script element, where HTML's own escapes do not apply, and where
# `</script>` in a name would end it.
ESCAPED = {ord(char): f"\\u{ord(char):04x}" for char in "<>&\u2028\u2029"}
"""Characters that could end a data block or be read as markup. JSON allows the escaped form for all of them."""
CUT = "\0"
"""Where rows and data come into the page."""
TONES = {
    **dict.fromkeys(Kind, "bad"),
    **dict.fromkeys((Kind.FALLBACK_OVERDUE, Kind.DUE, Kind.EMPTY, Kind.UNMANAGED), "warn"),
    Kind.IN_PROGRESS: "busy",
    Kind.EXCEPTED: "excepted",
    Kind.OK: "good",
}
"""The style class of each state. A state that is not listed counts as bad."""
NONE = "-"
"""What a cell shows if there is nothing to show."""


def page(report: Report, lines: Iterable[str]) -> Iterator[str]:
    """Yield the whole file, piece by piece, because it may have thousands of rows.

    `lines` holds the JSON form of each row, in the order of the rows. The script on the page reads them.
    """
    style, script = _asset("report.css"), _asset("report.js")
    shell = Template(_asset("report.html")).substitute(
        # The page may be opened from anywhere, and its texts come from metadata that others may write. The policy makes
        # sure that even a fault in the escaping sends nothing out and runs no other script.
        policy=f"default-src 'none'; style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        data=CUT,
        title=joined(f"Client secrets, {_moment(report.at)}"),
        origin=_origin(report),
        headline=_headline(report),
        bar=_bar(report),
        tiles=_tiles(report),
        head=_head(),
        rows=CUT,
        sources=_sources(report),
        unread=_unread(report),
    )
    # No text can hold it, because what is not printable is escaped.
    before, between, after = shell.split(CUT)
    yield before
    for row in report.rows:
        yield joined(_row(row), Html("\n"))
    yield f"{between}["
    for number, line in enumerate(lines):
        yield (",\n" if number else "") + line.translate(ESCAPED)
    yield f"]{after}"


def _asset(name: str) -> str:
    return (files("bridge.report") / "assets" / name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _moment(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"


def _time(time: datetime, shown: str) -> Html:
    return tag("time", shown, datetime=f"{time:%Y-%m-%dT%H:%M:%SZ}")


def _day(time: datetime) -> Html:
    return _time(time, f"{time:%Y-%m-%d}")


def _origin(report: Report) -> Html:
    return joined(
        "Produced ",
        _time(report.at, _moment(report.at)),
        f" by secret-bridge {report.version}, as {report.actor}",
        f", with {report.file}" if report.file else "",
    )


def _headline(report: Report) -> Html:
    number = len(report.rows)
    clients = f"{number:,} client" + ("" if number == 1 else "s")
    if not report.attention:
        return joined(f"{clients}; none needs attention")
    return joined(f"{report.attention:,} of {clients} need{'s' if report.attention == 1 else ''} attention")


def _bar(report: Report) -> Html:
    """Draw the share of each state among all clients.

    It is hidden from screen readers, because the tiles below it say the same in words.
    """
    parts, at = [], 0.0
    for kind, number in report.counts().items():
        width = 1000 * number / len(report.rows) if report.rows else 0.0
        if number:
            parts.append(tag("rect", x=f"{at:.2f}", y="0", width=f"{width:.2f}", height="10", class_=TONES[kind]))
        at += width
    return tag("svg", *parts, class_="share", viewBox="0 0 1000 10", preserveAspectRatio="none", aria_hidden="true")


def _tiles(report: Report) -> Html:
    return joined(
        *(
            tag("li", tag("b", f"{number:,}"), " ", kind.label, class_=f"tile {TONES[kind]}", data_kind=kind)
            for kind, number in report.counts().items()
            if number
        )
    )


def _client(row: Row) -> Iterator[Html]:
    yield tag("span", row.status.client, class_="name")
    if row.status.client_id != row.status.client:
        yield tag("span", row.status.client_id, class_="id")


def _state(row: Row) -> Iterator[Html]:
    status, label = row.status, row.status.kind.label
    yield tag("span", label, class_=f"badge {TONES[status.kind]}")
    if status.state != Kind.OK.label:
        rest = status.state.removeprefix(f"{label}: ").removeprefix(f"{label}; ")  # the badge has the label already
        yield tag("div", rest, class_="why")
    if status.next and status.attention:
        yield tag("code", status.next, class_="next")


def _breakable(uri: str) -> Html:
    """Return an address that may break into lines behind each slash, but not inside `//`.

    Long addresses would otherwise make the table wider than a screen.
    """
    return Html(text(uri).replace("/", "/<wbr>").replace("/<wbr>/", "//"))


def _age(row: Row) -> Iterator[Html]:
    age, limit = row.status.age, row.client.max_age
    if age is None:
        yield joined(NONE)
        return
    yield tag("span", row.status.age_in_words, class_="figure")
    yield tag("span", f" of {span(limit)}", class_="of")
    yield _gauge(age, limit, excepted=row.excepted)
    if row.due_at:
        yield tag("div", "due since " if row.status.at > row.due_at else "due ", _day(row.due_at), class_="why")


def _gauge(age: timedelta, limit: timedelta, *, excepted: bool) -> Html:
    """Draw an age against its limit. It is hidden from screen readers, because the figures beside it say the same."""
    # A limit of zero means that every age is too old.
    share = age / limit if limit else 1.0
    tone = ("excepted" if excepted else "warn") if share > 1 else "good"
    filled = tag("rect", x="0", y="0", width=f"{min(share, 1) * 100:.1f}", height="4", class_=tone)
    empty = tag("rect", x="0", y="0", width="100", height="4", class_="track")
    return tag(
        "svg", empty, filled, class_="gauge", viewBox="0 0 100 4", preserveAspectRatio="none", aria_hidden="true"
    )


def _fallback(row: Row) -> Iterator[Html]:
    status, age = row.status, row.fallback_age
    if age is None:
        yield joined("none" if status.sinks else NONE)
        return
    named = ", ".join(dict.fromkeys(short(each.version) for each in status.fallbacks))
    yield tag("span", span(age), class_="figure")
    yield tag("span", f" of {span(row.client.fallback_max_age)}", class_="of")
    yield _gauge(age, row.client.fallback_max_age, excepted=row.excepted)
    yield tag("div", named, class_="why")
    if status.retire_from and status.retire_by:
        yield tag("div", "retire ", _day(status.retire_from), " to ", _day(status.retire_by), class_="why")
    # "Not asked" must not look like "nobody": a reader would retire a fallback that is in use.
    if row.evidence is None:
        yield tag("div", "who uses it: not asked", class_="why")
    yield from (tag("div", line, class_="why") for line in row.evidence or ())


def _sinks(row: Row) -> Iterator[Html]:
    for uri in row.client.sinks:
        yield tag("div", _breakable(uri))


COLUMNS: dict[str, tuple[str, Callable[[Row], Iterable[str]]]] = {
    "client": ("Client", _client),
    "state": ("State", _state),
    "owner": ("Owner", lambda row: [row.status.owner or NONE]),
    "age": ("Secret age", _age),
    "fallback": ("Fallback", _fallback),
    "sinks": ("Sinks", _sinks),
}
"""The columns of the table, by their style class: the title, and what fills a cell."""


def _head() -> Html:
    return tag("tr", *(tag("th", title, scope="col", data_key=key, class_=key) for key, (title, _) in COLUMNS.items()))


def _row(row: Row) -> Html:
    cells = [
        tag("th", *parts(row), scope="row", class_=key) if key == "client" else tag("td", *parts(row), class_=key)
        for key, (_, parts) in COLUMNS.items()
    ]
    return tag("tr", *cells)


def _sources(report: Report) -> Html:
    return joined(
        *(
            tag(
                "tr",
                tag("th", each.name, scope="row"),
                tag("td", each.kind),
                tag("td", each.where, class_="where"),
                tag("td", f"{each.sinks:,}"),
                tag("td", f"{each.unread:,}" if each.unread else "none", class_="bad" if each.unread else "good"),
            )
            for each in report.sources
        )
    )


def _unread(report: Report) -> Html:
    told = [
        tag("li", tag("b", row.status.client), " ", tag("span", each.uri, class_="where"), f": {each.why}")
        for row in report.rows
        for each in row.unread
    ]
    return tag("ul", *told, class_="unread") if told else tag("p", "Every sink was read.")
