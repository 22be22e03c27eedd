"""The completion of clients' names in a shell."""

from __future__ import annotations

import os
from collections.abc import Iterator

import typer


def client_names(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    """Yield the names of clients in the configuration that begin with a text and are not typed yet.

    Only the file is read, whatever else is wrong with it. Any failure means that there are no names, because a shell
    would print an error into the line that the user is typing.
    """
    import tomllib

    from bridge.config.discovered import named_by
    from bridge.config.load import find

    try:
        path = find(ctx.params.get("config"), os.environ)
        data = tomllib.loads(path.read_text("utf-8")) if path else {}
        clients = [*data.get("clients", {})]
        typed = ctx.params.get("names") or ()
        if path and "discover" in data and (beside := named_by(data, path)):
            clients += tomllib.loads(beside.read_text("utf-8")).get("clients", {}) if beside.exists() else ()
        yield from (
            name for name in clients if name.startswith(incomplete) and name.isprintable() and name not in typed
        )
    except Exception:  # noqa: BLE001  # see above
        return
