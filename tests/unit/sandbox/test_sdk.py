"""Auth0's own library for Python, unchanged, takes the local tenant for Auth0."""

from __future__ import annotations

from datetime import datetime

import httpx
import pytest
from auth0.authentication import GetToken
from auth0.management import Auth0
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

pytestmark = pytest.mark.filterwarnings(
    "ignore:invalid escape sequence"
)  # in the library's own texts, once it is compiled


@pytest.fixture
def sdk(auth0):
    auth0.tenant.add_api_token("sdk", ["read:client_keys", "update:client_keys", "update:clients", "read:logs"])
    auth0.tenant.add_client("Billing", client_secret="S0", name="billing")
    with httpx.Client(trust_env=False, follow_redirects=True) as http:
        yield Auth0(base_url=f"{auth0.url}/api/v2", token="sdk", httpx_client=http)


def test_the_official_library_reads_a_client(sdk):
    shown = sdk.clients.get("Billing", fields="client_id,client_secret", include_fields=True)
    assert (shown.client_id, shown.client_secret) == ("Billing", "S0")


def test_the_official_library_patches_a_secret(sdk, auth0):
    assert sdk.clients.update("Billing", client_secret="S1").client_secret == "S1"
    assert auth0.tenant.secret("Billing") == "S1"


def test_the_official_library_rotates_a_secret(sdk, auth0):
    assert sdk.clients.rotate_secret("Billing").client_secret == auth0.tenant.secret("Billing") != "S0"


def test_the_official_library_lists_clients_through_all_pages(sdk, auth0):
    for number in range(7):
        auth0.tenant.add_client(f"C{number}")
    assert len([one.client_id for one in sdk.clients.list(per_page=3)]) == 8


def test_the_official_library_lists_logs(sdk, auth0):
    for _ in range(5):
        auth0.tenant.write_log("feccft", client_id="Billing")
    assert [entry.type for entry in sdk.logs.list(per_page=2, search="type:feccft")] == ["feccft"] * 5


def test_the_official_library_rotates_twice_when_one_answer_is_lost(sdk, auth0):
    auth0.tenant.fault("lost", method="POST", path="rotate-secret")
    sdk.clients.rotate_secret("Billing")
    assert len(auth0.tenant.secret_history("Billing")) == 3


def test_the_official_library_gets_a_token_by_secret_and_by_key(auth0, clock):
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    secret = auth0.tenant.add_management_client(["read:clients"])
    keyed = auth0.tenant.add_management_client(["read:clients"], kind="private_key_jwt", public_keys=[public])
    domain = auth0.url.removeprefix("http://")
    clock.sleep(datetime.now(clock.now().tzinfo).timestamp() - clock.now().timestamp())  # the library signs real times
    for library in (
        GetToken(domain, secret.client_id, secret.client_secret, protocol="http"),
        GetToken(domain, keyed.client_id, client_assertion_signing_key=pem, protocol="http"),
    ):
        assert library.client_credentials(auth0.tenant.audience)["expires_in"] == 86400
