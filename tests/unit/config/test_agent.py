"""The table [agent]: every fault by its key, and what the rest of the file may leave out beside it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bridge.cli.app import app
from bridge.config.agent import AgentSettings, Listener, Served, split_address

AGENT = """
[agent]
max_age = "5m"
max_stale = "1h"

[[agent.listen]]
socket = "/run/secret-bridge/agent.sock"
mode = "0660"
group = "apps"
users = ["billing", "1000"]
clients = ["billing"]
values = true

[[agent.listen]]
address = "127.0.0.1:8150"

[agent.clients.billing]
token = "file:/run/secrets/token"
method = "client_secret_basic"
audiences = ["https://api.acme"]
"""
SOCKET = 'socket = "/run/secret-bridge/agent.sock"'
ADDRESS = 'address = "127.0.0.1:8150"'
TOKEN = 'token = "file:/run/secrets/token"\n'
PATH = "expected a whole path of at most 107 bytes, such as /run/secret-bridge/agent.sock"
LOOPBACK = "expected an address of this machine itself, such as 127.0.0.1:8150"
CANARY = "canary-7f3a9c-value"
NEEDED = "so each client there needs a token: agent.clients.billing.token"


def test_it_is_read(load_text: Any, good: str) -> None:
    socket = Listener(
        "/run/secret-bridge/agent.sock", None, 0o660, "apps", ("billing", "1000"), ("billing",), values=True
    )
    served = Served("file:/run/secrets/token", "client_secret_basic", ("https://api.acme",))
    assert load_text(good + AGENT).agent == AgentSettings(
        (socket, Listener(address=("127.0.0.1", 8150))), {"billing": served}, timedelta(minutes=5), timedelta(hours=1)
    )
    assert load_text(good).agent is None


def test_the_least_is_one_socket(load_text: Any, good: str) -> None:
    found = load_text(f"{good}\n[[agent.listen]]\n{SOCKET}\n").agent
    assert found == AgentSettings((Listener("/run/secret-bridge/agent.sock"),))
    assert (found.listen[0].mode, found.max_age, found.max_stale) == (0o660, timedelta(minutes=5), timedelta(hours=24))


ONE_FAULT = [
    (SOCKET, 'socket = "agent.sock"', f'agent.listen[0].socket: found "agent.sock", {PATH}'),
    (SOCKET, "socket = 7", "agent.listen[0].socket: found a number, expected a text"),
    (SOCKET, f'socket = "/{"x" * 107}"', f'agent.listen[0].socket: found "/{"x" * 79}…", {PATH}'),
    (SOCKET, "", "agent.listen[0]: found none, expected one of socket (a path) and address (a loopback address)"),
    (ADDRESS, f'{ADDRESS}\nsocket = "/run/x/y.sock"',
     "agent.listen[1]: found both, expected one of socket (a path) and address (a loopback address)"),
    (ADDRESS, 'address = "0.0.0.0:8150"', f'agent.listen[1].address: found "0.0.0.0:8150", {LOOPBACK}'),
    (ADDRESS, 'address = "10.0.0.1:8150"', f'agent.listen[1].address: found "10.0.0.1:8150", {LOOPBACK}'),
    (ADDRESS, 'address = "localhost:8150"', f'agent.listen[1].address: found "localhost:8150", {LOOPBACK}'),
    (ADDRESS, 'address = "127.0.0.1"', f'agent.listen[1].address: found "127.0.0.1", {LOOPBACK}'),
    (ADDRESS, 'address = "127.0.0.1:0"', f'agent.listen[1].address: found "127.0.0.1:0", {LOOPBACK}'),
    (ADDRESS, 'address = "127.0.0.1:65536"', f'agent.listen[1].address: found "127.0.0.1:65536", {LOOPBACK}'),
    (ADDRESS, 'address = "[::]:8150"', f'agent.listen[1].address: found "[::]:8150", {LOOPBACK}'),
    (ADDRESS, "address = 8150", "agent.listen[1].address: found a number, expected a text"),
    ('mode = "0660"', "mode = 0o660", "agent.listen[0].mode: found a number, expected a text"),
    ('mode = "0660"', 'mode = "rw"',
     'agent.listen[0].mode: found "rw", expected a mode as chmod writes it, such as "0660"'),
    ('mode = "0660"', 'mode = "4660"',
     'agent.listen[0].mode: found "4660", expected a mode as chmod writes it, such as "0660"'),
    ('group = "apps"', "group = 7", "agent.listen[0].group: found a number, expected a text"),
    ('group = "apps"', 'group = ""', "agent.listen[0].group: found an empty text, expected a text"),
    ('users = ["billing", "1000"]', "users = [1000]", "agent.listen[0].users[0]: found a number, expected a text"),
    ('users = ["billing", "1000"]', 'users = "billing"', "agent.listen[0].users: found a text, expected a list"),
    ('users = ["billing", "1000"]', "users = []",
     "agent.listen[0].users: found an empty list, expected at least one"),
    ('clients = ["billing"]', 'clients = ["biling"]',
     ('agent.listen[0].clients[0]: no client of that name: found "biling", expected one of billing; '
      "did you mean billing?")),
    ('clients = ["billing"]', "clients = []",
     "agent.listen[0].clients: found an empty list, expected at least one"),
    ("values = true", 'values = "yes"', "agent.listen[0].values: found a text, expected true or false"),
    ("values = true", "value = true", "agent.listen[0].value: unknown key; did you mean values?"),
    (ADDRESS, f'{ADDRESS}\nmode = "0666"',
     "agent.listen[1].mode: only a socket has it: an address is open to every user of this machine"),
    (ADDRESS, f'{ADDRESS}\ngroup = "x"',
     "agent.listen[1].group: only a socket has it: an address is open to every user of this machine"),
    (ADDRESS, f'{ADDRESS}\nusers = ["x"]',
     "agent.listen[1].users: only a socket has it: an address is open to every user of this machine"),
    (ADDRESS, SOCKET, "agent.listen[1]: the same place as agent.listen[0]"),
    (TOKEN, "", f"agent.listen[1]: every user of this machine can reach an address, {NEEDED}"),
    (TOKEN, f'token = "{CANARY}"\n',
     ("agent.clients.billing.token: found a plain text (not shown), expected env:NAME, file:PATH, "
      "aws://REGION/NAME#KEY or vault://MOUNT/PATH#KEY")),
    ('method = "client_secret_basic"', 'method = "client_secret_basics"',
     ('agent.clients.billing.method: found "client_secret_basics", expected one of client_secret_post, '
      "client_secret_basic; did you mean client_secret_basic?")),
    ('method = "client_secret_basic"', 'method = "private_key_jwt"',
     ('agent.clients.billing.method: found "private_key_jwt", expected one of client_secret_post, '
      "client_secret_basic")),
    ('audiences = ["https://api.acme"]', "audiences = []",
     "agent.clients.billing.audiences: found an empty list, expected at least one"),
    ('audiences = ["https://api.acme"]', 'audience = "https://api.acme"',
     "agent.clients.billing.audience: unknown key; did you mean audiences?"),
    ('max_age = "5m"', 'max_age = "often"',
     'agent.max_age: found "often", expected a duration such as 90d, 24h, 30m or 10s'),
    ('max_stale = "1h"', "max_stale = 60",
     "agent.max_stale: found a number, expected a duration such as 90d, 24h, 30m or 10s"),
    ('max_stale = "1h"', 'max_stale = "1m"', "agent.max_stale: max_stale (0:01:00) is shorter than max_age (0:05:00)"),
    ('max_age = "5m"\n', 'max_ages = "5m"\n', "agent.max_ages: unknown key; did you mean max_age?"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "line"), ONE_FAULT, ids=[f"{new[:30]}" for _, new, _ in ONE_FAULT])
def test_one_fault_is_one_line(faults_of: Any, good: str, old: str, new: str, line: str) -> None:
    assert AGENT.count(old) == 1
    assert faults_of(good + AGENT.replace(old, new)) == (line,)


def test_a_client_that_is_none_is_named(faults_of: Any, good: str) -> None:
    wrong = AGENT.replace("[agent.clients.billing]", "[agent.clients.billings]")
    assert sorted(faults_of(good + wrong)) == [
        ('agent.clients.billings: no client of that name: found "billings", expected one of billing; '
         "did you mean billing?"),
        f"agent.listen[1]: every user of this machine can reach an address, {NEEDED}",
    ]  # fmt: skip


@pytest.mark.parametrize(("lines", "right"), [
    (f'{SOCKET}\nmode = "0666"', False), (f'{SOCKET}\nmode = "0662"', False), (f'{SOCKET}\nmode = "0664"', True),
    (f'{SOCKET}\nmode = "0666"\nusers = ["billing"]', True), (f'{SOCKET}\nmode = "660"', True), (ADDRESS, False),
    ('address = "[::1]:8150"', False),
])  # fmt: skip
def test_whatever_every_user_can_reach_needs_a_token(faults_of: Any, load_text: Any, good: str, lines: str,
                                                     right: bool) -> None:  # fmt: skip
    listen = f"{good}\n[[agent.listen]]\n{lines}\n"
    load_text(f"{listen}[agent.clients.billing]\n{TOKEN}")
    if right:
        load_text(listen)
    else:
        (line,) = faults_of(listen)
        assert line.endswith(NEEDED)


def test_all_faults_come_at_once_and_no_secret_with_them(faults_of: Any, good: str) -> None:
    text = AGENT
    for old, new, _ in (fault for fault in ONE_FAULT if fault[1].startswith(('mode = "rw', 'values = "y', "max_age"))):
        text = text.replace(old, new)
    text = text.replace(TOKEN, f'token = "{CANARY}"\n').replace(SOCKET, 'socket = "x"').replace(ADDRESS, "")
    found = faults_of(good + text)
    assert {line.partition(":")[0] for line in found} == {
        "agent.listen[0].socket", "agent.listen[0].mode", "agent.listen[0].values", "agent.listen[1]",
        "agent.clients.billing.token", "agent.max_age",
    }  # fmt: skip
    assert not any(CANARY in line for line in found)


@pytest.mark.parametrize(("text", "line"), [
    ("agent = 7", "agent: found a number, expected a table"),
    ("[agent]", "agent.listen: missing"),
    ("[agent]\nlisten = []", "agent.listen: found an empty list, expected at least one"),
    ("[agent]\nlisten = 7", "agent.listen: found a number, expected a list"),
    ("[agent]\nlisten = [7]", "agent.listen[0]: found a number, expected a table"),
    (f"[agent]\nlisten = [{{ {SOCKET} }}]\nclients = 7", "agent.clients: found a number, expected a table"),
    (f"[agent]\nlisten = [{{ {SOCKET} }}]\nclients = {{ billing = 7 }}",
     "agent.clients.billing: found a number, expected a table"),
])  # fmt: skip
def test_nonsense_is_a_fault_and_not_a_crash(faults_of: Any, good: str, text: str, line: str) -> None:
    before, after = ("", good) if text.startswith("agent =") else (good, "")
    assert faults_of(f"{before}\n{text}\n{after}") == (line,)


@pytest.mark.parametrize(("text", "expected"), [
    ("127.0.0.1:1", ("127.0.0.1", 1)), ("127.9.9.9:65535", ("127.9.9.9", 65535)), ("[::1]:8150", ("::1", 8150)),
    ("::1:8150", ("::1", 8150)), ("localhost:8150", None), ("LOCALHOST:8150", None), ("127.0.0.1.:80", None),
    ("8.8.8.8:80", None), ("a@127.0.0.1:80", None), ("http://127.0.0.1:80", None), ("127.0.0.1:http", None),
    (":8150", None), ("", None), ("127.0.0.1:\uff18150", None), ("[::ffff:8.8.8.8]:1", None),
    ("[0:0:0:0:0:0:0:1]:8150", ("::1", 8150)), ("[::1%lo]:1", None),
    ("127.1:8150", None),
])  # fmt: skip
def test_an_address_is_a_number_of_this_machine_itself_and_a_port(text: str, expected: object) -> None:
    assert split_address(text) == expected


PAGE = Path(__file__).parents[3] / "docs/guide/agent.md"


def test_the_example_of_the_guide_is_right(load_text: Any) -> None:
    blocks = [block.partition("```")[0] for block in PAGE.read_text("utf-8").split("```toml\n")[1:]]
    (whole,) = [block for block in blocks if "[tenants." in block]
    found = load_text(whole)
    assert found.agent is not None
    assert [each.serves("billing") for each in found.agent.listen] == [True]
    assert not load_text(whole).agent.clients


BARE = 'client_id = "env:AUTH0_CLIENT_ID"\nclient_secret = "env:AUTH0_CLIENT_SECRET"\n'


def test_a_tenant_without_credentials_is_right_only_beside_the_agent(faults_of: Any, load_text: Any, good: str) -> None:
    without = good.replace(BARE, "")
    assert without != good
    assert load_text(without + AGENT).tenants["prod"].domain == "acme.eu.auth0.com"
    line = "tenants.prod: expected api_token, or client_id with client_secret or private_key"
    assert faults_of(without) == (line,)
    half = good.replace('client_secret = "env:AUTH0_CLIENT_SECRET"\n', "")
    assert faults_of(half + AGENT) == (line,)


def test_rotate_says_that_the_tenant_has_no_credentials(tmp_path: Path, good: str) -> None:
    path = tmp_path / "agent.toml"
    path.write_text(good.replace(BARE, "") + AGENT, "utf-8")
    done = CliRunner().invoke(app, ["rotate", "billing", "--config", f"{path}", "--yes"])
    assert done.exit_code == 2, done.output
    assert "an api_token is needed, or a client_id with a client_secret or a private_key" in done.output
