"""LibreTranslate's API."""

from __future__ import annotations

from pathlib import Path

from serving.apis.api import Api, Backend
from serving.apis.libretranslate.documents import DOWNLOADS, UPLOAD, LibreTranslateDocumentRoutes
from serving.apis.libretranslate.routes import LibreTranslateRoutes
from serving.apis.libretranslate.translate import LibreTranslateShape, libre_error
from serving.documents.upload import most_bytes

# Its clients (Weblate) ask for these before they have a key; they hold no text.
PUBLIC = ("/languages", "/frontend/settings", "/spec")
WITH_KEY = ("/translate", "/detect", "/suggest", "/languages", "/frontend/settings", UPLOAD)


def libretranslate_api(backend: Backend) -> Api:
    service = backend.service
    return Api(
        routes=[
            *LibreTranslateRoutes(service, backend.keys_required).routes(),
            *LibreTranslateDocumentRoutes(backend.documents, service).routes(),
        ],
        description=Path(__file__).with_name("openapi.yaml"),
        error=libre_error,
        shape=LibreTranslateShape(service),
        prefixes=(DOWNLOADS,),
        public=PUBLIC,
        probes=("/health",),
        secret_folders=(DOWNLOADS,),
        key_fields=dict.fromkeys(WITH_KEY, ("api_key",)),
        body_limits={UPLOAD: most_bytes(service.settings)},
    )
