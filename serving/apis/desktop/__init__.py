"""The APIs of desktop programs and browser extensions; ``dialects`` has the table of them."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import Route

from serving.apis.api import SHARED, Api, Backend
from serving.apis.desktop.dialects import PATHS, DesktopShape, desktop_error
from serving.openapi.document import Description


def desktop_api(backend: Backend) -> Api:
    """They have their paths, and on ``/translate`` the fields that no other API has."""
    shapes = {path: DesktopShape(backend.service, path) for path in PATHS}
    routes = [
        Route(path, shape.endpoint, methods=["POST"])
        for path, shape in shapes.items()
        if path != SHARED
    ]
    return Api(
        routes,
        Description(Path(__file__).with_name("openapi.yaml")),
        error=desktop_error,
        shape=shapes[SHARED],
        key_fields=dict.fromkeys(PATHS, ("token",)),
    )
