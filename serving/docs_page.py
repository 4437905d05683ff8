"""The documentation page: the OpenAPI document as plain HTML, without any script."""

from __future__ import annotations

import re
from html import escape
from typing import Any

import yaml

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
    schemas = [
        f"<h3>{escape(name)}</h3>{_plain(schema)}"
        for name, schema in document["components"]["schemas"].items()
    ]
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
    asked: dict[str, Any] = {
        k: operation[k] for k in ("parameters", "requestBody") if k in operation
    }
    return f"""
<h3><code>{escape(method.upper())} {escape(path)}</code></h3>
<p>{_words(operation["summary"])} {_words(operation.get("description", ""))}</p>
{_plain(asked) if asked else ""}
<table><thead><tr><th>Status</th><th>Meaning</th></tr></thead><tbody>{rows}</tbody></table>"""


def _words(text: str) -> str:
    """Text with its `code` marked."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _plain(part: dict[str, Any]) -> str:
    """A part of the document as it stands there, but for its syntax."""
    text = yaml.dump(part, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    return f"<pre>{escape(text)}</pre>"


class _Dumper(yaml.CSafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        """What occurs twice stands there twice."""
        return True
