"""The documentation page: the OpenAPI document as plain HTML, without any script."""

from __future__ import annotations

import json
import re
from html import escape
from typing import Any

# The page's own style sheets; without them (a service without the page) it reads as plain text.
STYLES = """<link rel="stylesheet" href="assets/theme.css">
<link rel="stylesheet" href="assets/docs.css">"""


def render_docs(document: dict[str, Any], base: str = "http://127.0.0.1:3000/") -> str:
    """The page; it loads nothing from elsewhere.

    Args:
        base: address at which the reader found the service, for the example.
    """
    groups: dict[str, list[str]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            groups.setdefault(operation["tags"][0], []).append(_operation(method, path, operation))
    operations = [
        f'<h2 id="{escape(name)}">{escape(name)}</h2>{"".join(found)}'
        for name, found in groups.items()
    ]
    links = [f'<a href="#{escape(name)}">{escape(name)}</a>' for name in (*groups, "Fields")]
    schemas = [_schema(name, s) for name, s in document["components"]["schemas"].items()]
    info = document["info"]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(info["title"])}: the API</title>
{STYLES}
</head>
<body>
<main>
<h1>{escape(info["title"])}: the API</h1>
<nav aria-label="Sections">{"".join(links)}</nav>
<p>{_words(info["description"])} Machines read <a href="openapi.json">openapi.json</a>.</p>
<pre>curl -s -H 'Content-Type: application/json' -d '{{"text": "你好，世界。"}}' \\
  {escape(base)}translate</pre>
{"".join(operations)}
<h2 id="Fields">Fields</h2>
{"".join(schemas)}
</main>
</body>
</html>
"""


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(status)}</td><td>{_words(response['description'])}</td></tr>"
        for status, response in operation["responses"].items()
    )
    sent = _sent(operation) + _asked(operation)
    return f"""
<h3><code>{escape(method.upper())} {escape(path)}</code></h3>
<p>{_words(operation["summary"])} {_words(operation.get("description", ""))}</p>
{sent}<table><thead><tr><th>Status</th><th>Meaning</th></tr></thead><tbody>{rows}</tbody></table>"""


def _words(text: str) -> str:
    """Text with its `code` marked."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _sent(operation: dict[str, Any]) -> str:
    content = operation.get("requestBody", {}).get("content", {})
    if not content:
        return ""
    kinds = ", ".join(f"<code>{escape(media)}</code>" for media in content)
    example = next((body["example"] for body in content.values() if "example" in body), None)
    if example is None:
        return f"<p>Send {kinds}.</p>"
    text = json.dumps(example, ensure_ascii=False)
    return f"<p>Send {kinds}, for example: <code>{escape(text)}</code></p>"


def _asked(operation: dict[str, Any]) -> str:
    names = [p["name"] for p in operation.get("parameters", []) if p["in"] == "query"]
    if not names:
        return ""
    return f"<p>In the query: {', '.join(f'<code>{escape(name)}</code>' for name in names)}.</p>"


def _schema(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{' (required)' if field in required else ''}</td>"
        f"<td>{escape(_type(spec))}</td><td>{_words(spec.get('description', ''))}</td></tr>"
        for field, spec in schema.get("properties", {}).items()
    )
    about = _words(schema.get("description", ""))
    head = "<tr><th>Field</th><th>Type</th><th>Meaning</th></tr>"
    return (
        f"<h3>{escape(name)}</h3><p>{about}</p>"
        f"<table><thead>{head}</thead><tbody>{rows}</tbody></table>"
    )


def _type(spec: dict[str, Any]) -> str:
    if "$ref" in spec:
        return str(spec["$ref"]).rpartition("/")[2]
    if "anyOf" in spec:
        return " or ".join(_type(branch) for branch in spec["anyOf"])
    if spec.get("type") == "array":
        return f"list of {_type(spec['items'])}" if "items" in spec else "list"
    limits = [f"{word} {spec[key]}" for key, word in _LIMITS.items() if key in spec]
    default = [f"default {json.dumps(spec['default'])}"] if "default" in spec else []
    kinds = spec.get("type", "any")
    named = kinds if isinstance(kinds, str) else kinds[0]  # the other is null
    return ", ".join([named, *limits, *default])


_LIMITS = {"minimum": "from", "maximum": "to"}
