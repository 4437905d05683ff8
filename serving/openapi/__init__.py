"""The OpenAPI document: pieces that each API declares for its own routes, put together.

``serving.openapi.parts`` has the words for a piece; an API names its own in ``Api.describe``.
Two pieces may describe one operation: ``POST /translate`` is that of several.
"""
