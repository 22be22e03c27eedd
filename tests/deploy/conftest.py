from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from moto.core.exceptions import ServiceException
from moto.sts.responses import TokenResponse

from bridge.sandbox.auth0 import LocalAuth0
from bridge.sandbox.openbao import OpenBao
from tests.deploy.issuer import Issuer
from tests.deploy.site import PROPAGATION, Site
from tests.e2e.strict_server import strict_server
from tests.support.proxy import Proxy
from tests.support.strict_moto import controls

GITHUB = "repo:acme/ops:environment:rotation"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Servers that are set up by the page, for GitHub."""
    patch = pytest.MonkeyPatch()
    controls.reset()
    asked: Counter[str] = Counter()

    def gate(what: str, ask: Any) -> Any:
        asked[what] += 1
        return ask()

    with ExitStack() as running:
        issuer, auth0 = running.enter_context(Issuer(GITHUB)), running.enter_context(LocalAuth0(PROPAGATION))
        bao, aws = running.enter_context(OpenBao.dev()), running.enter_context(strict_server())
        front = running.enter_context(Proxy(bao.url, gate=gate))
        found = Site(tmp_path_factory.mktemp("site"), auth0, bao, aws, issuer, front.url, asked)
        patch.setattr(TokenResponse, "assume_role_with_web_identity", _checked(found))
        found.set_up(GITHUB)
        yield found
        patch.undo()
    controls.reset()


def _checked(site: Site) -> Any:
    """Return moto's answer to a login by a token, which is refused as AWS refuses it."""
    original = TokenResponse.assume_role_with_web_identity

    def answer(response: Any) -> Any:
        if refused := site.trusts(response._get_param("WebIdentityToken")):
            raise ServiceException(refused, "not by this trust policy")
        return original(response)

    return answer


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"
