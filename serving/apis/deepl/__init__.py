"""DeepL's API."""

from __future__ import annotations

from serving.apis.api import Api, Backend
from serving.apis.deepl.description import deepl_piece
from serving.apis.deepl.documents import DeepLDocumentRoutes
from serving.apis.deepl.errors import deepl_error
from serving.apis.deepl.glossaries import DeepLGlossaryRoutes
from serving.apis.deepl.translate import DeepLRoutes

WITH_KEY = ("/v2/translate", "/v2/languages", "/v2/usage")


def deepl_api(backend: Backend) -> Api:
    service, glossaries = backend.service, backend.glossaries
    return Api(
        routes=[
            *DeepLRoutes(service, glossaries).routes(),
            *DeepLGlossaryRoutes(glossaries.store, service).routes(),
            *DeepLDocumentRoutes(backend.documents, service, glossaries).routes(),
        ],
        describe=deepl_piece,
        error=deepl_error,
        prefixes=("/v2/", "/v3/"),
        key_fields=dict.fromkeys(WITH_KEY, ("auth_key",)),
    )
