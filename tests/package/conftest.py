"""The package, built once for the tests of a process."""

from __future__ import annotations

import pytest

from tests.package.building import Built, build, copied


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("package")
    return build(copied(folder / "source"), folder / "dist")
