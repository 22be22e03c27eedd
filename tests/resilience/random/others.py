"""What other people do to the sinks and to Auth0, and what must be found there ever after."""

from __future__ import annotations

import copy
import json
import uuid
from typing import Any

from tests.e2e.sinks import SIBLINGS, TAGS, AwsPlace, VaultPlace, sibling_keys
from tests.e2e.world import World

TERRAFORM = {"owner": "terraform"}


class Others:
    """They know what they wrote: `expected` is what has to stand beside the client's secret, by sink."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._count = 0
        self.expected: dict[str, dict[str, Any]] = {}
        for place in world.sinks:
            here: dict[str, Any] = {"document": copy.deepcopy(SIBLINGS), "tags": dict(TAGS)}
            if isinstance(place, AwsPlace):
                here |= {"label": place.see().beside["label"], "description": "theirs"}
            self.expected[place.uri] = here

    def act(self, what: str, where: int = 0) -> None:
        """Do something, at one of the sinks if it is done at one."""
        place = self._world.sinks[where % len(self._world.sinks)]
        self._count += 1
        getattr(self, what)(place)

    def sibling(self, place: VaultPlace | AwsPlace) -> None:
        """Edit another key, as somebody does who reads the document and writes it back."""
        told = f"postgres://edited-{self._count}"
        place.edit("db_url", told)
        self.expected[place.uri]["document"]["db_url"] = told

    def overwrite(self, place: VaultPlace | AwsPlace) -> None:
        """Paste something else over the client's secret."""
        place.edit(place.key or "", f"pasted-{self._count}-{uuid.uuid4().hex}")

    def move_companions(self) -> None:
        """Take the keys away that stand where sibling keys would, as a hint says."""
        for place in self._world.sinks:
            self.take(place, *sibling_keys(place.key))

    def remove(self, place: VaultPlace | AwsPlace) -> None:
        """Write the document without the client's secret."""
        self.take(place, place.key or "")

    def take(self, place: VaultPlace | AwsPlace, *keys: str) -> None:
        """Write the document without some of its keys."""
        if isinstance(place, VaultPlace):
            document = {k: v for k, v in (place.document() or {}).items() if k not in keys}
            place.kv.create_or_update_secret(place.path, document)
            return
        document = {k: v for k, v in json.loads(place.text() or "{}").items() if k not in keys}
        place.client.put_secret_value(SecretId=place.name, SecretString=json.dumps(document))

    def tag(self, place: VaultPlace | AwsPlace) -> None:
        """Set a tag of their own."""
        place.tag("foreign", f"entry-{self._count}")
        self.expected[place.uri]["tags"]["foreign"] = f"entry-{self._count}"

    def wipe(self, place: VaultPlace | AwsPlace) -> None:
        """Replace all tags by their own, as `kv metadata put` and Terraform do."""
        if isinstance(place, VaultPlace):
            place.kv.update_metadata(place.path, custom_metadata=TERRAFORM)
        else:
            place.client.untag_resource(SecretId=place.name, TagKeys=[t["Key"] for t in place.describe()["Tags"]])
            place.client.tag_resource(SecretId=place.name, Tags=[{"Key": "owner", "Value": "terraform"}])
        self.expected[place.uri]["tags"] = dict(TERRAFORM)

    def pending(self, place: VaultPlace | AwsPlace) -> None:
        """Put a version with AWSPENDING that is not the bridge's."""
        if isinstance(place, AwsPlace):
            text = json.dumps({**json.loads(place.text() or "{}"), "client_secret": f"foreign-{uuid.uuid4().hex}"})
            place.client.put_secret_value(SecretId=place.name, SecretString=text, VersionStages=["AWSPENDING"])

    def dashboard(self, _place: VaultPlace | AwsPlace) -> None:
        """Press Rotate in Auth0's dashboard."""
        self._world.tenant.set_in_dashboard(self._world.client_id)

    def late(self, _place: VaultPlace | AwsPlace) -> None:
        """Have Auth0 carry out a PATCH of an earlier value now."""
        history = self._world.tenant.secret_history(self._world.client_id)
        latest_first = list(dict.fromkeys(change.value for change in reversed(history)))
        value = latest_first[1] if len(latest_first) > 1 else latest_first[0]
        self._world.tenant.update(self._world.client_id, {"client_secret": value}, "a request from long ago")

    def unlabel_pending(self) -> None:
        """Remove a foreign AWSPENDING, as a hint says."""
        for place in self._world.sinks:
            if isinstance(place, AwsPlace):
                found = [v for v, stages in place.versions().items() if "AWSPENDING" in stages]
                for version in found:
                    place.client.update_secret_version_stage(
                        SecretId=place.name, VersionStage="AWSPENDING", RemoveFromVersionId=version
                    )


WRITES = ("sibling", "overwrite", "remove", "tag", "wipe", "pending", "dashboard", "late")
