"""A real server with keys, from outside: what it logs, what listens, what it unpickles."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest

from serving.http.keys import hash_key
from tests.e2e.ill_colours import wait_for
from tests.serving.live_server import (
    STUB,
    LiveServer,
    command_line,
    descendants,
    live_server,
)

pytestmark = pytest.mark.e2e

KEY, WRONG = "csk_secret-that-may-not-be-logged", "csk_guess-that-may-not-be-logged"
TEXT = "机密文件。"


@pytest.fixture(scope="module", params=["json", "text"])
def server(request, tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    entry = {"name": "one", "sha256": hash_key(KEY), "scopes": ["admin"]}
    (home / "keys.json").write_text(json.dumps({"keys": [entry]}))
    with live_server(
        home,
        workers=1,
        api_keys_file=home / "keys.json",
        log_format=request.param,
        suggestions_file=home / "suggestions.jsonl",
        **STUB,
    ) as started:
        yield started


def test_neither_keys_nor_texts_are_logged(server: LiveServer) -> None:
    client = server.client
    libre = {"q": TEXT, "source": "zh", "target": "en"}
    deepl = {"text": TEXT, "target_lang": "EN"}
    for key in (KEY, WRONG):
        for headers in (
            {"Authorization": f"Bearer {key}"},
            {"Authorization": f"DeepL-Auth-Key {key}"},
            {"Authorization": f"Basic {key}"},
            {"X-API-Key": key},
        ):
            client.post("/translate", json={"text": TEXT}, headers=headers)
            client.post("/translate", json={"text": TEXT, TEXT: key}, headers=headers)
            client.post("/translate", content=b"{" + TEXT.encode(), headers=headers)
        for way in ("json", "data", "params"):
            client.post("/translate", **{way: {**libre, "api_key": key}})
            client.post("/suggest", **{way: {**libre, "s": TEXT, "api_key": key}})
            client.post("/v2/translate", **{way: {**deepl, "auth_key": key}})
        client.get("/translate", params={"q": TEXT, "langpair": "zh|en", "key": key})
        client.get(f"/{TEXT}/{key}", headers={"Referer": key, "User-Agent": key})
        client.request("GET", "/version", headers={"X-Request-ID": f"find-me-{len(key)}"})
    wait_for(lambda: f"find-me-{len(KEY)}" in server.log.read_text(), 20)  # lines come in groups
    log = server.log.read_text()
    for secret in (KEY, WRONG, hash_key(KEY), TEXT, TEXT.encode("unicode_escape").decode()):
        assert secret not in log


def test_only_the_gateway_listens_and_only_where_it_was_told(server: LiveServer) -> None:
    pids = [server.process.pid, *descendants(server.process.pid)]
    assert server.runner_pids(), "no runner to look at"
    port = int(server.url.rpartition(":")[2])
    found = {place for pid in pids for place in listening(pid)}
    assert ("127.0.0.1", port) in found
    assert {address for address, _ in found} == {"127.0.0.1"}, found
    for pid in server.runner_pids():
        assert listening(pid) <= {("127.0.0.1", port)}, command_line(pid)
        assert not opens_unix_socket(pid), command_line(pid)


class Payload:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self):
        return (Path.touch, (self._path,))


@pytest.mark.parametrize("media", ["application/vnd.bentoml+pickle", "application/octet-stream"])
def test_nothing_that_is_sent_is_unpickled(server: LiveServer, tmp_path: Path, media: str) -> None:
    witness = tmp_path / "unpickled"
    payload = pickle.dumps(Payload(witness))
    headers = {"Content-Type": media, "Authorization": f"Bearer {KEY}", "Payload-Container": "x"}
    document = server.client.get("/openapi.json").json()
    for path in document["paths"]:
        assert server.client.post(path, content=payload, headers=headers).status_code < 500
    assert not witness.exists()
    pickle.loads(payload)
    assert witness.exists(), "the payload does nothing, so the test would not see it"


def test_nothing_of_bentoml_answers(server: LiveServer) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    for path in ("/docs.json", "/static_content/index.css", "/translate/"):
        assert server.client.get(path, headers=headers).status_code == 404, path


def listening(pid: int) -> set[tuple[str, int]]:
    """TCP addresses on which the process itself holds a listening socket."""
    own = set(sockets_of(pid))
    found = set()
    for name, width in (("tcp", 8), ("tcp6", 32)):
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
            fields = line.split()
            place, _, port = fields[1].partition(":")
            if fields[3] == "0A" and fields[9] in own:
                found.add((_address(place) if width == 8 else place, int(port, 16)))
    return found


def opens_unix_socket(pid: int) -> bool:
    """The process holds a Unix socket with a name that others could connect to."""
    own = sockets_of(pid)
    lines = Path(f"/proc/{pid}/net/unix").read_text().splitlines()[1:]
    return any(len(f) > 7 and f[6] in own and f[3] == "00010000" for f in map(str.split, lines))


def sockets_of(pid: int) -> set[str]:
    """Inode numbers of the process's sockets."""
    found = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(entry)
        except OSError:
            continue
        if target.startswith("socket:["):
            found.add(target[8:-1])
    return found


def _address(hexadecimal: str) -> str:
    octets = bytes.fromhex(hexadecimal)[::-1]
    return ".".join(map(str, octets))
