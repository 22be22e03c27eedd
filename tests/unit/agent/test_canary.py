"""The agent shows no secret: in its log, however talkative, its metrics, its readiness and its errors."""

from __future__ import annotations

import base64
import contextlib
import secrets
import signal
import socket
from pathlib import Path
from urllib.parse import quote

import httpx

from tests.canary.stage import Watcher, leaks
from tests.e2e.sinks import NO_TRUST
from tests.support.forks import Forks
from tests.unit.agent.running import Place, Process

TALKATIVE = """
import logging, sys
import uvicorn.config
uvicorn.config.LOG_LEVELS["error"] = logging.DEBUG  # although the agent asks for errors only
for name in ("uvicorn", "httpx", "httpcore", "bridge", "sinks", "asyncio", "hvac", "urllib3", "h11"):
    logger = logging.getLogger(name)
    logger.setLevel(logging.DEBUG)
    logger.addHandler(logging.StreamHandler(sys.stderr))
"""


def test_an_agent_shows_no_secret(place: Place, forks: Forks, tmp_path: Path) -> None:
    world, path = place.world, place.path()
    served = '[agent.clients.billing]\ntoken = "env:CALLER"'
    text = place.text(f'socket = "{path}"\nvalues = true', served=served)
    place.token = secrets.token_urlsafe(48)
    wrong, header, query = (secrets.token_urlsafe(48) for _ in range(3))
    canaries = {place.token, wrong, header, query, world.servers.bao.token}
    answers: list[str] = []
    with (
        Process(place, forks, text, "--verbose", code=TALKATIVE, TMPDIR=str(tmp_path)) as agent,
        httpx.Client(transport=httpx.HTTPTransport(uds=str(path), verify=NO_TRUST), timeout=60) as http,
    ):
        watcher = Watcher(agent.pid)
        agent.until("listening on")

        def ask(secret: str, headers: dict[str, str] | None = None, **fields: str) -> httpx.Response:
            return http.post("http://agent/oauth/token", data=place.ask(secret, **fields), headers=headers)

        def token(answer: httpx.Response) -> None:
            assert answer.status_code == 200, answer.text
            canaries.add(answer.json()["access_token"])

        token(ask(place.token))
        token(http.post("http://agent/oauth/token", json=place.ask(place.token, scope="read:x")))
        basic = place.ask(client_id="", scope="write:x")
        token(http.post("http://agent/oauth/token", data=basic, auth=(world.client_id, place.token)))
        told = http.get("http://agent/v1/secret/billing", headers={"Authorization": f"Bearer {place.token}"})
        assert told.json()["candidates"][0]["value"] == world.live

        for answer in (
            ask(wrong), ask(place.token, audience=wrong), ask(place.token, scope=wrong),
            ask(place.token, grant_type=wrong), ask(place.token, client_id=wrong), ask(place.token, resource=wrong),
            ask(place.token, client_assertion=wrong), ask(place.token, {"DPoP": header}),
            ask(place.token, {"Authorization": f"Bearer {header}"}), ask(place.token, {"Origin": f"https://{header}"}),
            ask(place.token, {"Content-Type": f"text/{header}"}), ask(place.token, organization="\n" + wrong),
            http.post("http://agent/oauth/token", data=basic, auth=(world.client_id, wrong)),
            http.post("http://agent/oauth/token", content=f'"{wrong}', headers={"Content-Type": "application/json"}),
            http.get(f"http://agent/oauth/token?client_secret={query}"), http.get(f"http://agent/{quote(query)}"),
            http.get(f"http://agent/v1/secret/{query}", headers={"Authorization": f"Bearer {header}"}),
            http.get("http://agent/v1/secret/billing", headers={"Authorization": f"Bearer {header}"}),
        ):  # fmt: skip
            assert answer.status_code >= 400
            answers.append(f"{answer.headers} {answer.text}")

        for garbage in (f"{header}\r\n\r\n", f"GET /{query} HTTP/1.1\r\n{header}\r\n\r\n"):
            with socket.socket(socket.AF_UNIX) as raw, contextlib.suppress(ConnectionError):
                raw.connect(str(path))
                raw.sendall(garbage.encode())
                answers.append(raw.recv(9999).decode())

        agent.signal(signal.SIGHUP)
        agent.until("reloaded; clients: 1")
        token(ask(place.token))
        agent.file.write_text(text.replace("env:CALLER", wrong), "utf-8")
        agent.signal(signal.SIGHUP)
        agent.until("not reloaded")
        world.tenant.set_in_dashboard(world.client_id)
        world.tenant.settings.propagation *= 0
        answers.append(ask(place.token, scope="read:x write:x").text)
        world.tenant.fault("html", method="POST", path="oauth/token", count=9)
        answers.append(ask(place.token, audience="https://other").text)
        place.vault_away = True
        answers += [http.get(f"http://agent/{where}").text for where in ("metrics", "readyz", "healthz")]
        agent.signal(signal.SIGTERM)
        http.close()
        assert agent.ended() == 0
        watcher.stop()
    canaries |= {change.value for change in world.tenant.client(world.client_id).live.changes}
    canaries |= {base64.b64encode(f"{world.client_id}:{place.token}".encode()).decode()}
    seen = {
        "output": agent.text,
        "answers": "\n".join(answers),
        "arguments": "\n".join(watcher.arguments),
        "environments": "\n".join(watcher.environments),
        "files": "\n".join(each.read_text("utf-8", "replace") for each in tmp_path.rglob("*") if each.is_file()),
    }
    assert "/oauth/token" in seen["output"]  # it was talkative
    assert "Started server process" in seen["output"]
    for where, text_ in seen.items():
        found = next((line for line in text_.splitlines() if leaks(line, canaries)), None)
        assert found is None, f"{where} holds a secret: {found}"
    assert leaks(agent.text + place.token, canaries)  # it would be seen
