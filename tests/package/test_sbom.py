"""The SBOM against the environment that it is made from."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

from bridge import __version__
from tests.package.building import Built
from tests.package.emptied import emptied
from tests.package.programs import program


def test_its_components_are_what_is_installed_and_a_difference_is_found(built: Built, tmp_path: Path) -> None:
    sbom, environment, file = program("sbom"), emptied(tmp_path, built.wheel), tmp_path / "sbom.cdx.json"
    assert sbom.main([str(environment.prefix), str(file)]) == 0
    told = json.loads(file.read_text("utf-8"))
    own = told["metadata"]["component"]
    assert (told["bomFormat"], own["type"], own["name"], own["version"]) == (
        "CycloneDX", "application", "secret-bridge", __version__,
    )  # fmt: skip
    names = {one["name"]: one["version"] for one in told["components"]}
    assert names["boto3"] == metadata.version("boto3")
    assert {"hvac", "httpx", "cryptography"} <= set(names)
    assert "moto" not in names
    told["components"].pop()
    assert len(sbom.installed(environment.prefix) ^ sbom.listed(json.dumps(told))) == 1
