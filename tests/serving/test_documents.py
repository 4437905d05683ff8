"""Documents over HTTP: our routes, LibreTranslate's and DeepL's, with real clients."""

from __future__ import annotations

import asyncio
import io
import threading
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import deepl
import docx
import httpx
import pytest

from csanmt.translator import Hypothesis
from serving.documents.upload import safe_name
from serving.glossaries.store import NO_GLOSSARY
from serving.http.keys import ApiKey, KeyRing, hash_key
from tests.serving.conftest import Serve, Served
from tests.serving.live_application import Live, application
from tests.stub_translator import StubTranslator

KEYS = {name: f"csk_{name}" for name in ("one", "two")}


def ring(**allowances: int) -> KeyRing:
    return KeyRing(tuple(ApiKey(n, hash_key(s), **allowances) for n, s in KEYS.items()))


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {KEYS[name]}"}


def send(client: Any, name: str = "a.txt", data: bytes = "你好".encode(), **options: Any) -> Any:
    return client.post("/documents", files={"file": (name, data)}, **options)


def wait_for(
    client: Any, identity: str, *statuses: str, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        job = client.get(f"/documents/{identity}", headers=headers or {}).json()
        if job["status"] in statuses:
            return dict(job)
        time.sleep(0.02)
    raise AssertionError("the document is not done")


def translated(client: Any, data: bytes = "你好".encode()) -> str:
    """The id of a document that is done."""
    identity: str = send(client, data=data).json()["id"]
    wait_for(client, identity, "done")
    return identity


def word_file() -> bytes:
    document = docx.Document()
    document.add_paragraph("你好").add_run("世界").bold = True
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


class Gated(StubTranslator):
    """Waits, as a busy model would, until its gate is opened."""

    __slots__ = ("gate",)

    def translate(self, sources: Any, *rest: Any, should_stop: Any = None, **more: Any) -> Any:
        while not self.gate.wait(0.01):
            if should_stop and should_stop():
                break
        return StubTranslator.translate(self, sources, *rest, **more)


@pytest.fixture
def gated() -> Gated:
    translator = Gated()
    translator.gate = threading.Event()
    return translator


def test_document_is_sent_translated_and_fetched(served: Served) -> None:
    sent = send(served.client, "报告 1.docx", word_file())
    assert (sent.status_code, sent.json()["characters"]) == (202, 4)
    job = wait_for(served.client, sent.json()["id"], "done")
    assert (job["progress"], job["name"], job["format"]) == (1.0, "报告 1.en.docx", "Word")
    answer = served.client.get(f"/documents/{job['id']}/content")
    assert (
        "filename*=UTF-8''%E6%8A%A5%E5%91%8A%201.en.docx" in answer.headers["content-disposition"]
    )
    assert docx.Document(io.BytesIO(answer.content)).paragraphs[0].text == "[你好世界]"


def test_progress_is_told_and_unfinished_content_is_a_conflict(serve: Serve, gated: Gated) -> None:
    served = serve(translator=gated)
    identity = send(served.client).json()["id"]
    assert wait_for(served.client, identity, "translating")["progress"] == 0
    early = served.client.get(f"/documents/{identity}/content")
    assert (early.status_code, early.json()["error"]["code"]) == (409, "conflict")
    gated.gate.set()
    wait_for(served.client, identity, "done")


def test_cancelled_document_is_gone_and_its_place_is_free(serve: Serve, gated: Gated) -> None:
    served = serve(translator=gated, document_jobs=1)
    identity = send(served.client).json()["id"]
    full = send(served.client)
    assert (full.status_code, full.json()["error"]["code"]) == (429, "overloaded")
    assert full.headers["Retry-After"].isdigit()
    assert served.client.delete(f"/documents/{identity}").status_code == 204
    assert served.client.get(f"/documents/{identity}").status_code == 404
    gated.gate.set()
    assert send(served.client).status_code == 202


def test_finished_documents_take_no_place_until_they_are_too_large_together(serve: Serve) -> None:
    client = serve(document_jobs=2, max_document_bytes=40).client
    small = [translated(client) for _ in range(5)]
    assert {client.get(f"/documents/{identity}").status_code for identity in small} == {200}
    large = [translated(client, "长".encode() * 12) for _ in range(5)]
    assert client.get(f"/documents/{small[0]}").status_code == 404
    assert client.get(f"/documents/{large[-1]}").status_code == 200


def test_done_document_is_forgotten_after_a_while(serve: Serve) -> None:
    served = serve(document_keep=0.05)
    identity = send(served.client).json()["id"]
    end = time.monotonic() + 60
    while served.client.get(f"/documents/{identity}").status_code != 404:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_document_that_takes_too_long_fails(serve: Serve, gated: Gated) -> None:
    served = serve(translator=gated, document_timeout=0.05)
    identity = send(served.client).json()["id"]
    assert wait_for(served.client, identity, "error")["error"]["code"] == "timeout"
    assert served.client.get(f"/documents/{identity}/content").status_code == 504
    gated.gate.set()


def bomb() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("word/document.xml", bytes(8 << 20))
    return target.getvalue()


REFUSED: list[tuple[str, bytes, int, str]] = [
    ("a.exe", b"MZ", 415, "unsupported_document"),
    ("a.json", '{"a": "你好\\ud800"}'.encode(), 422, "bad_document"),
    ("noname", b"x", 415, "unsupported_document"),
    ("a.docx", b"PK", 422, "bad_document"),
    ("a.docx", bomb(), 413, "document_too_large"),
    ("a.txt", "好".encode() * 600, 413, "document_too_large"),
    ("a.txt", b"x" * 200_000, 413, "too_large"),
    (
        "a.xlf",
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        422,
        "bad_document",
    ),
]


@pytest.mark.parametrize(("name", "data", "status", "code"), REFUSED)
def test_what_cannot_be_translated_is_refused(serve: Serve, name, data, status, code) -> None:
    served = serve(max_document_bytes=100_000, max_document_characters=500)
    answer = send(served.client, name, data)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


FORMS: list[tuple[dict[str, Any], int]] = [
    ({"data": {"file": "no file"}}, 415),
    ({"json": {}}, 415),
    ({"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=a"}}, 400),
    ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400),
    ({"files": {"other": ("a.txt", b"x")}}, 400),
]


@pytest.mark.parametrize(("request_", "status"), FORMS)
def test_bodies_that_are_no_upload_are_refused(served: Served, request_, status) -> None:
    assert served.client.post("/documents", **request_).status_code == status


def test_documents_can_be_switched_off(serve: Serve) -> None:
    assert send(serve(max_document_bytes=0).client).status_code == 403


def test_documents_belong_to_the_key_that_sent_them(serve: Serve) -> None:
    client = serve(keys=ring()).client
    identity = send(client, headers=bearer("one")).json()["id"]
    wait_for(client, identity, "done", headers=bearer("one"))
    for path in (f"/documents/{identity}", f"/documents/{identity}/content"):
        assert client.get(path).status_code == 401
        assert client.get(path, headers=bearer("two")).status_code == 404
        assert client.get(path, headers=bearer("one")).status_code == 200
    assert client.delete(f"/documents/{identity}", headers=bearer("two")).status_code == 404


def test_characters_are_charged_to_the_key(serve: Serve) -> None:
    client = serve(keys=ring(characters_per_day=10)).client
    sent = send(client, data="好".encode() * 8, headers=bearer("one"))
    assert sent.status_code == 202
    more = send(client, data="好".encode() * 3, headers=bearer("one"))
    assert (more.status_code, more.json()["error"]["code"]) == (429, "rate_limited")
    assert send(client, data="好".encode() * 3, headers=bearer("two")).status_code == 202


def test_metrics_name_the_route_and_not_the_document(served: Served) -> None:
    identity = send(served.client).json()["id"]
    wait_for(served.client, identity, "done")
    page = served.client.get("/metrics").text
    assert 'endpoint="/documents/{id}"' in page
    assert identity not in page


@pytest.mark.parametrize(
    ("given", "safe"),
    [
        ("../../etc/a.txt", "a.txt"),
        ("C:\\x\\a.md", "a.md"),
        ('a"\r\nX: y.txt', "aX y.txt"),
        ("..", ""),
    ],
)
def test_file_names_lose_paths_and_line_ends(given, safe) -> None:
    assert safe_name(given) == safe


# --- LibreTranslate ---------------------------------------------------------------------------

LIBRE = {"source": "zh", "target": "en"}


def libre(client: Any, name: str = "a.txt", **fields: str) -> Any:
    files = {"file": (name, "你好".encode())}
    return client.post("/translate_file", files=files, data={**LIBRE, **fields})


def test_libretranslate_file_is_fetched_at_the_address_that_was_told(served: Served) -> None:
    answer = libre(served.client, source="auto")
    url = answer.json()["translatedFileUrl"]
    assert url.startswith("http://127.0.0.1:3000/download_file/") and url.endswith(".txt")
    assert served.client.get(url).text == "[你好]"
    assert served.client.get(url).status_code == 200  # more than once, until it is forgotten


LIBRE_ERRORS: list[tuple[dict[str, str], str]] = [
    ({"source": ""}, "Invalid request: missing source parameter"),
    ({"target": ""}, "Invalid request: missing target parameter"),
    ({"source": "fr"}, "fr is not supported"),
    ({"target": "zz"}, "zz is not supported"),
    ({"name": "a.exe"}, "Invalid request: file format not supported"),
]


@pytest.mark.parametrize(("fields", "words"), LIBRE_ERRORS)
def test_libretranslate_errors_are_400_in_its_words(served: Served, fields, words) -> None:
    answer = libre(served.client, **fields)
    assert (answer.status_code, answer.json()) == (400, {"error": words})


def test_libretranslate_downloads_nothing_else(served: Served) -> None:
    for name, status in (("..", 404), ("..%2fetc", 404), ("a", 400), ("0" * 32 + ".txt", 404)):
        assert served.client.get(f"/download_file/{name}").status_code == status
    assert "file" in libre(served.client, name="").json()["error"]


def test_libretranslate_key_comes_in_the_form_and_the_address_needs_none(serve: Serve) -> None:
    client = serve(keys=ring(), max_body_bytes=1024).client
    assert libre(client).status_code in (400, 401, 403)
    big = {"file": ("a.txt", "你好\n\n".encode() * 500)}  # longer than other bodies may be
    answer = client.post("/translate_file", files=big, data={**LIBRE, "api_key": KEYS["one"]})
    assert client.get(answer.json()["translatedFileUrl"]).text.startswith("[你好]")


def test_libretranslate_client_that_leaves_cancels_the_work(tmp_path, gated: Gated) -> None:
    app = application(tmp_path, translator=gated, document_jobs=1)
    with Live(app) as live:
        with pytest.raises(httpx.ReadTimeout), httpx.Client(base_url=live.url, timeout=1) as client:
            libre(client)
        with httpx.Client(base_url=live.url, timeout=60) as client:
            end = time.monotonic() + 60
            while send(client).status_code == 429:  # until the one place is free again
                assert time.monotonic() < end
                time.sleep(0.05)
        gated.gate.set()


# --- DeepL ------------------------------------------------------------------------------------


@pytest.fixture
def deepl_server(tmp_path) -> Any:
    with Live(application(tmp_path, ring(characters_per_day=100))) as live:
        yield live


def test_deepl_python_translates_a_document(deepl_server: Live, tmp_path) -> None:
    client = deepl.DeepLClient(KEYS["one"], server_url=deepl_server.url)
    (tmp_path / "a.docx").write_bytes(word_file())
    status = client.translate_document_from_filepath(
        tmp_path / "a.docx", tmp_path / "b.docx", source_lang="ZH", target_lang="EN-US"
    )
    assert (status.done, status.billed_characters) == (True, 4)
    (paragraph,) = docx.Document(str(tmp_path / "b.docx")).paragraphs
    assert paragraph.text == "Hello world"
    assert client.get_usage().character.count == 4


def test_deepl_result_is_given_once_and_only_for_its_key(deepl_server: Live) -> None:
    client = deepl.DeepLClient(KEYS["one"], server_url=deepl_server.url)
    handle = client.translate_document_upload("谢谢！", target_lang="EN-US", filename="a.txt")
    wrong = deepl.DocumentHandle(handle.document_id, "0" * 64)
    with pytest.raises(deepl.DeepLException, match=r"(?i)not found"):
        client.translate_document_get_status(wrong)
    other = deepl.DeepLClient(KEYS["two"], server_url=deepl_server.url)
    with pytest.raises(deepl.DeepLException, match=r"(?i)not found"):
        other.translate_document_get_status(handle)
    client.translate_document_wait_until_done(handle)
    response = client.translate_document_download(handle)
    assert response is not None and response.content.decode() == "Thank you!"
    with pytest.raises(deepl.DeepLException, match=r"(?i)not found"):
        client.translate_document_download(handle)


class ForcesTerms(StubTranslator):
    """Answers with the terms it was given."""

    def translate(self, sources: Any, options: Any = None, **more: Any) -> Any:
        found = StubTranslator.translate(self, sources, options, **more)
        said = " ".join(target for _, target in options.terms)
        return [replace(one, hypotheses=(Hypothesis(said, 0.0),)) for one in found]


def test_glossaries_hold_for_documents_of_both_apis(serve: Serve) -> None:
    client = serve(translator=ForcesTerms()).client
    body = {"name": "cities", "terms": {"上海": "Shanghai", "北京": "Beijing"}}
    identity = client.post("/glossaries", json=body).json()["id"]
    files = {"file": ("a.txt", "上海很大。".encode())}
    ours = client.post("/documents", files=files, data={"glossary": "cities"}).json()["id"]
    wait_for(client, ours, "done")
    assert client.get(f"/documents/{ours}/content").content == b"Shanghai"
    asked = {"target_lang": "EN", "glossary_id": identity}
    handle = client.post("/v2/document", files=files, data=asked).json()
    key = {"document_key": handle["document_key"]}
    end = time.monotonic() + 60
    while client.post(f"/v2/document/{handle['document_id']}", data=key).json()["status"] != "done":
        assert time.monotonic() < end
        time.sleep(0.02)
    result = client.post(f"/v2/document/{handle['document_id']}/result", data=key)
    assert result.content == b"Shanghai"
    unknown = client.post("/v2/document", files=files, data={**asked, "glossary_id": "none"})
    assert (unknown.status_code, unknown.json()) == (404, {"message": NO_GLOSSARY})


class Protects(StubTranslator):
    """Answers with the strings that are to be protected."""

    def translate(self, sources: Any, options: Any = None, **more: Any) -> Any:
        found = StubTranslator.translate(self, sources, options, **more)
        said = "|".join(options.protect)
        return [replace(one, hypotheses=(Hypothesis(said, 0.0),)) for one in found]


def test_strings_of_a_document_are_protected_where_they_occur(serve: Serve) -> None:
    client = serve(translator=Protects()).client
    files = {"file": ("a.txt", "请打开微信。".encode())}
    asked = {"protect": "微信\r\n\n支付宝\n打开\n"}
    identity = client.post("/documents", files=files, data=asked).json()["id"]
    wait_for(client, identity, "done")
    assert client.get(f"/documents/{identity}/content").content == "微信|打开".encode()
    many = "\n".join(map(str, range(65)))
    refused = client.post("/documents", files=files, data={"protect": many})
    assert refused.status_code == 422
    assert refused.json()["error"]["message"] == "protect has 65 strings; allowed is 64"


def test_deepl_document_in_the_target_language_ends_in_its_error(deepl_server: Live) -> None:
    client = deepl.DeepLClient(KEYS["one"], server_url=deepl_server.url)
    handle = client.translate_document_upload("Proton beam", target_lang="EN-US", filename="a.txt")
    status = client.translate_document_get_status(handle)
    assert (status.ok, status.error_message) == (False, "Source and target language are equal.")
    given = client.translate_document_upload(
        "Proton beam", target_lang="EN-US", source_lang="ZH", filename="a.txt"
    )
    assert client.translate_document_get_status(given).ok


def test_deepl_names_what_it_does_not_take(deepl_server: Live) -> None:
    client = deepl.DeepLClient(KEYS["one"], server_url=deepl_server.url)
    upload: Callable[..., Any] = client.translate_document_upload
    with pytest.raises(deepl.DeepLException, match="Invalid file"):
        upload(b"MZ", target_lang="EN-US", filename="a.invalid")
    with pytest.raises(deepl.DeepLException, match="not supported"):
        upload("你好", target_lang="DE", filename="a.txt")
    with pytest.raises(deepl.DeepLException, match="output_format"):
        upload("你好", target_lang="EN-US", filename="a.txt", output_format="pdf")
    with pytest.raises(deepl.QuotaExceededException):
        upload("长" * 101, target_lang="EN-US", filename="a.txt")


def test_deepl_unfinished_result_is_503(serve: Serve, gated: Gated) -> None:
    client = serve(translator=gated).client
    files, fields = {"file": ("a.txt", "你好".encode())}, {"target_lang": "EN"}
    handle = client.post("/v2/document", files=files, data=fields).json()
    body = {"document_key": handle["document_key"]}
    answer = client.post(f"/v2/document/{handle['document_id']}/result", json=body)
    words = "Document not ready: ask for its status until that is done"
    assert (answer.status_code, answer.json()) == (503, {"message": words})
    gated.gate.set()


def test_many_documents_at_once_all_come_back(serve: Serve) -> None:
    served = serve(document_jobs=12, document_jobs_each=12)

    async def all_of_them() -> list[str]:
        transport = httpx.ASGITransport(served.application.asgi)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            tasks = [
                client.post(
                    "/translate_file", files={"file": (f"{n}.txt", f"第{n}".encode())}, data=LIBRE
                )
                for n in range(10)
            ]
            urls = [a.json()["translatedFileUrl"] for a in await asyncio.gather(*tasks)]
            return [(await client.get(url)).text for url in urls]

    texts = served.client.portal.call(all_of_them)  # in the loop that the runners are in
    assert texts == [f"[第{n}]" for n in range(10)]
