"""The applications of a whole tenant, a page at a time.

Auth0 pages in two ways. `page` and `per_page` end at 1,000 results, so `from` and `take` (checkpoints) are used, which
have no such end: https://auth0.com/docs/api/management/v2/clients/get-clients. Only named fields are asked for, so no
answer holds a secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from bridge.auth0.client import FIELDS, Client
from bridge.auth0.errors import NotFound, Unreachable
from bridge.auth0.management import Management

PAGE = 100
"""The most applications of a page."""
MOST_PAGES = 1000
"""How many pages are read at most. No tenant has as many as a hundred thousand applications."""
LISTED_FIELDS = (*FIELDS, "client_metadata")


def pages(auth0: Management, *, with_global: bool = False, size: int = PAGE) -> Iterator[tuple[Mapping[str, Any], ...]]:
    """Yield the applications of a tenant, at most `size` (100) at a time, each of them once.

    An application is a mapping of `LISTED_FIELDS`, which `Client.from_api` reads. Its `client_id` is always a text. The
    tenant's global client is left out unless `with_global`. An application that is created or deleted meanwhile may be
    missing or present.

    Raises:
        Auth0Error: the applications cannot be read. It is `Unreachable` if an answer is not a page of applications, or
            if the pages have no end. What was yielded before is not all that there is.
    """
    seen: set[str] = set()
    checkpoints: set[str] = set()
    checkpoint: str | None = None
    for _ in range(MOST_PAGES):
        entries, checkpoint = _page(auth0, checkpoint, size)
        # An application may move to a later page when another one is created.
        new = tuple(one for one in entries if one["client_id"] not in seen)
        seen |= {one["client_id"] for one in new}
        shown = tuple(one for one in new if with_global or one.get("global") is not True)
        if shown:
            yield shown
        if checkpoint is None:
            return
        if checkpoint in checkpoints:
            break
        checkpoints.add(checkpoint)
    raise Unreachable(f"{auth0.name} lists its applications without an end")


def one(auth0: Management, client_id: str) -> Client | None:
    """Return one application with its metadata, or None if the tenant has none of that id.

    Raises:
        Auth0Error: it cannot be read.
    """
    params = {"fields": ",".join(LISTED_FIELDS), "include_fields": "true"}
    try:
        answer = auth0.get(f"/clients/{quote(client_id, safe='')}", params, doing=f"the request for {client_id}")
    except NotFound:
        return None
    if not _is_application(answer):
        raise Unreachable(f"{auth0.name} answered the request for {client_id} with something that is no application")
    return Client.from_api(answer, client_id)


def _page(auth0: Management, checkpoint: str | None, size: int) -> tuple[list[Mapping[str, Any]], str | None]:
    """Return the applications behind a checkpoint, and the next checkpoint, or None if there are no more."""
    params = {"fields": ",".join(LISTED_FIELDS), "include_fields": "true", "take": str(size)}
    answer = auth0.get(
        "/clients", params | ({"from": checkpoint} if checkpoint else {}), doing="the request for its applications"
    )
    entries = answer.get("clients") if isinstance(answer, dict) else None
    following = answer.get("next") if isinstance(answer, dict) else None
    # A bare list is what `take` is answered with where it is not understood. Such a list may not be all.
    if not isinstance(entries, list) or not all(map(_is_application, entries)):
        raise Unreachable(f"{auth0.name} answered with something that is not a page of applications")
    if following is not None and not isinstance(following, str):
        raise Unreachable(f"{auth0.name} answered with applications whose next page cannot be asked for")
    return entries, following or None


def _is_application(entry: object) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("client_id"), str) and bool(entry["client_id"])
