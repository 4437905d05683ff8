"""The application on a free port, with the model that the source tree ships."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import deepl
from prometheus_client import CollectorRegistry

from csanmt.loading import load_translator
from model_store.shipped import DEFAULT_SOURCE, DEFAULT_TAG
from serving.app import build
from serving.http.keys import KeyRing
from serving.provenance import Provenance
from serving.runners.translators import TranslatorFacts
from serving.settings import Settings
from tests.inline_runner import InlineRunner
from tests.serving.live_application import Live


@contextmanager
def live_shipped(keys: KeyRing | None = None, **settings: Any) -> Iterator[Live]:
    translator = load_translator(DEFAULT_SOURCE, model_tag=DEFAULT_TAG)
    facts = TranslatorFacts(DEFAULT_TAG, "native", max_length=100)
    application = build(
        Settings(
            model=DEFAULT_TAG,
            model_directory=str(DEFAULT_SOURCE),
            workers=1,
            **settings,
        ),
        lambda: InlineRunner(translator, facts),
        provenance=Provenance(DEFAULT_TAG, "sha256:0", "csanmt:v1", "abc1234"),
        count_tokens=translator.count_tokens,
        keys=keys,
        registry=CollectorRegistry(),
    )
    with Live(application) as server:
        yield server


def ask(client: deepl.DeepLClient, text: str, **options: object) -> str:
    """The translation that DeepL's own client gets."""
    result = client.translate_text(text, source_lang="ZH", target_lang="EN-US", **options)
    return str(result.text)
