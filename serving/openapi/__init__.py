"""The OpenAPI document: pieces that each module declares for its own routes, put together.

To document routes, write a ``Describe`` in a module of its own here (``serving.openapi.parts``
has the words for it) and add it to ``DESCRIBED`` in ``serving.app``. Two pieces may describe
one operation: ``POST /translate`` is ours and LibreTranslate's.
"""

from serving.openapi.document import openapi_document
from serving.openapi.parts import Describe, Piece

__all__ = ["Describe", "Piece", "openapi_document"]
