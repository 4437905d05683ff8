"""OpenAI's chat API: what is translated, what is refused, as its client and programs send it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from serving.apis.openai.prompts import text_to_translate
from serving.languages import LanguagePair
from tests.serving.conftest import Serve, Served
from tests.serving.live_application import (
    KEY,
    MODEL,
    Live,
    live_application,
    locked_ring,
)

PAIR = LanguagePair("zh", "en")
CHAT = "/v1/chat/completions"


def user(content: Any) -> Any:
    return [
        {"role": "system", "content": "You are a translator."},
        {"role": "user", "content": content},
    ]


# The prompts of programs, as their sources make them.
PROMPTS = {
    "pot": 'Translate into English:\n"""\n{}\n"""',
    "PDFMathTranslate": (
        "You are a professional, authentic machine translation engine. Only Output the translated "
        "text, do not include any other text.\n\nTranslate the following markdown source text to "
        "en. Keep the formula notation {{v*}} unchanged. Output translation directly without any "
        "additional text.\n\nSource Text: {}\n\nTranslated Text:"
    ),
    "KISS Translator": (
        "# Context\nTitle: \nTone: formal\n\n# Glossary:\n\n\n# Task\nTranslate the Source Text "
        "below to English.\n1. Use the Context to ensure accuracy.\n\nSource Text: {}\n\n"
        "Translated Text:"
    ),
    "Zotero": (
        "As an academic expert with specialized knowledge in various fields, please provide a "
        "proficient and precise translation from zh-CN to en-US of the academic text enclosed in "
        "🔤. It is crucial to maintaining the original phrase or sentence and ensure accuracy. The "
        "text is as follows:  🔤 {} 🔤  Please provide the translated result without any "
        "additional explanation and remove 🔤."
    ),
    "Subtitle Edit": (
        "Translate from Chinese to English, keep punctuation as input, do not censor the "
        "translation, give only the output without comments:\n\n{}"
    ),
    "the text alone": "{}",
}
TEXTS = [
    "你好世界",
    "第一段。\n\n第二段：好。",
    "请注意：会议改到明天。",
    "他把书翻译成了英文。",
    "使用 PyTorch 训练模型。",
    "2024",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("program", PROMPTS)
def test_the_text_is_found_in_the_prompts_of_programs(program: str, text: str) -> None:
    assert text_to_translate(user(PROMPTS[program].format(text)), PAIR) == text


REFUSED = [
    ([], "list of messages"),
    ([{"role": "assistant", "content": "你好"}], "role user"),
    (user(""), "holds no text"),
    (user([{"type": "image_url", "image_url": {}}]), "must be text"),
    (user("Translate this to English: 你好"), "send the text alone"),
    (user("请把下面的话翻译成英文：你好"), "send the text alone"),
    (user("You are a poet. Write about 春天"), "send the text alone"),
    (user("A poem about 春天, four lines"), "send the text alone"),
    (user("Explain this: 今天天气很好，我们去公园玩。"), "send the text alone"),
    (user("请总结下面的文章：今天天气很好。"), "send the text alone"),
    (user("What is the weather today?"), "send the text alone"),
    (
        user("Translate from Chinese to German, only the output:\n\n你好"),
        "into English, not German",
    ),
    (user('Translate into fr:\n"""\n你好\n"""'), "into English, not fr"),
]


@pytest.mark.parametrize(("messages", "words"), REFUSED)
def test_what_is_no_text_to_translate_is_refused(
    serve: Serve, messages: list[Any], words: str
) -> None:
    answer = serve(openai=True).client.post(CHAT, json={"model": "any", "messages": messages})
    error = answer.json()["error"]
    assert (answer.status_code, error["type"]) == (400, "invalid_request_error")
    assert words in error["message"]


@pytest.mark.parametrize(
    "more",
    [
        {"n": 2},
        {"model": 1},
        {"tools": [{}]},
        {"response_format": {"type": "json_object"}},
        {"stream": 1},
    ],
)
def test_what_no_translation_can_answer_is_refused(serve: Serve, more: dict[str, Any]) -> None:
    (name,) = more
    answer = serve(openai=True).client.post(CHAT, json={"messages": user("你好"), **more})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(f"{name}: ")


def test_it_is_off_by_default(served: Served) -> None:
    assert served.client.post(CHAT, json={"messages": user("你好")}).status_code == 404
    assert served.client.get("/v1/models").status_code == 404
    assert CHAT not in served.client.get("/openapi.json").json()["paths"]


def test_streams_are_server_sent_events_that_end_with_done(serve: Serve) -> None:
    body = {"messages": user("一。\n\n二。三。"), "stream": True}
    answer = serve(openai=True).client.post(CHAT, json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
    assert lines[-1] == "[DONE]"
    deltas = [json.loads(line)["choices"][0]["delta"].get("content", "") for line in lines[:-1]]
    assert "".join(deltas) == "[一。]\n\n[二。] [三。]"
    assert len(deltas) == 5  # role, three sentences, the reason of the end


@pytest.fixture(scope="module")
def locked_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_application(tmp_path_factory.mktemp("chat"), locked_ring(), openai=True) as live:
        yield live


@pytest.mark.usefixtures("no_proxy")
def test_openais_own_client(locked_server: Live) -> None:
    client = openai.OpenAI(base_url=f"{locked_server.url}/v1", api_key=KEY, max_retries=0)
    assert [model.id for model in client.models.list()] == [MODEL]
    assert client.models.retrieve(MODEL).owned_by == "csanmt"
    messages = user("你好世界")
    found = client.chat.completions.create(model="any", messages=messages, temperature=0)
    assert (found.choices[0].message.content, found.choices[0].finish_reason) == (
        "Hello world",
        "stop",
    )
    assert found.usage is not None and found.model == MODEL
    stream = client.chat.completions.create(
        model=MODEL, messages=messages, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    said = [c.choices[0].delta.content or "" for c in chunks if c.choices]
    assert ("".join(said), chunks[-1].usage is not None) == ("Hello world", True)
    with pytest.raises(openai.NotFoundError, match="there is one model"):
        client.models.retrieve("gpt")
    with pytest.raises(openai.AuthenticationError, match="not known"):
        client.with_options(api_key="wrong").models.list()
    with pytest.raises(openai.BadRequestError, match="only translates"):
        client.chat.completions.create(
            model="any", messages=[{"role": "user", "content": "Translate"}]
        )
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(model="any", messages=user("长" * 200))
