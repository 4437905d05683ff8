"""The documentation page: the OpenAPI document as plain HTML, without any script."""

from __future__ import annotations

import json
from html import escape
from typing import Any


def render_docs(document: dict[str, Any]) -> str:
    """A self-contained page; it loads nothing, from here or elsewhere."""
    operations = [
        _operation(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = [_schema(name, s) for name, s in document["components"]["schemas"].items()]
    info = document["info"]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(info["title"])}: the API</title>
</head>
<body>
<main>
<h1>{escape(info["title"])}: the API</h1>
<p>{escape(info["description"])} Machines read <a href="openapi.json">openapi.json</a>.</p>
<pre>curl -s -H 'Content-Type: application/json' -d '{{"text": "你好，世界。"}}' \\
  http://127.0.0.1:3000/translate</pre>
{"".join(operations)}
<h2>Fields</h2>
{"".join(schemas)}
</main>
</body>
</html>
"""


def _operation(method: str, path: str, operation: dict[str, Any]) -> str:
    rows = "".join(
        f"<tr><td>{escape(status)}</td><td>{escape(response['description'])}</td></tr>"
        for status, response in operation["responses"].items()
    )
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    example = json.dumps(body["example"], ensure_ascii=False) if "example" in body else ""
    sent = f"<p>Send, for example: <code>{escape(example)}</code></p>" if example else ""
    return f"""
<h2><code>{escape(method.upper())} {escape(path)}</code></h2>
<p>{escape(operation["summary"])} {escape(operation.get("description", ""))}</p>
{sent}<table><thead><tr><th>Status</th><th>Meaning</th></tr></thead><tbody>{rows}</tbody></table>"""


def _schema(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    rows = "".join(
        f"<tr><td><code>{escape(field)}</code>{' (required)' if field in required else ''}</td>"
        f"<td>{escape(_type(spec))}</td><td>{escape(spec.get('description', ''))}</td></tr>"
        for field, spec in schema.get("properties", {}).items()
    )
    about = escape(schema.get("description", ""))
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
    return ", ".join([str(spec.get("type", "any")), *limits, *default])


_LIMITS = {"minimum": "from", "maximum": "to"}
