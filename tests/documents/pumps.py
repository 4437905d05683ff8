"""What a stranger may repeat: pieces that make a bad pattern or parser try again and again."""

from __future__ import annotations

import time
from collections.abc import Callable

PIECES = (
    "你", "a ", "\t", " ", "\n", "\r\n", "你\n\n", "a  \n", "*", "**", "_", "`", "``a", "[", "](",
    "![", "[^", "]", "\\", "<", "<a ", "<a>", "</a>", "<b>你", "<!--", "<!DOCTYPE<[>", "<![CDATA[",
    "&", "&lt;", "$", "$$", "$a", "{", "{:", "{{", "%", "|", "\n|a", "> ", "- ", "\n- a", "1. ",
    "#", ":", "::: a\n", "!!! a\n", '"', '""', ",", "-->", "00:00:01,000 --> 00:00:02,000\n",
    "{\\an8}", "{\\", "[[a]]", "@", "http://a", "a@b.", "=", "\n===\n", "~", "<?xml", "]]>",
    "[a]: b\n", "[^1]: a\n", "\n    a", '\n\nmsgid "a"\nmsgstr ""\n', "<rt>", "<ruby>",
    "[00:01.00]a\n", "[00:01.00]", "Dialogue: 0,a,b,c,d,1,2,3,,你\n", "　", "(", "(a)", "&C", "x",
)  # fmt: skip
HEADS = {
    ".vtt": "WEBVTT\n\n", ".srt": "1\n00:00:01,000 --> 00:00:02,000\n",
    ".ass": "[Events]\nFormat: a, b\n", ".lrc": "[00:01.00]x\n", ".json": '["',
    ".po": 'msgid ""\nmsgstr ""\n', ".html": "<html>", ".md": "", ".txt": "", ".csv": "",
    ".tsv": "",
    ".xlf": '<xliff version="1.2" xmlns="urn:oasis:names:tc:xliff:document:1.2">',
}  # fmt: skip
STEP = 4  # how much longer the second input is
WORST = 8.0  # times its time; 16 would be quadratic, 4 linear, and clocks are coarse
WORTH = 0.02  # seconds: less says nothing


def seconds(run: Callable[[], object]) -> float:
    """Processor time of this process."""
    started = time.process_time()
    run()
    return time.process_time() - started


def superlinear(run: Callable[[int], object], size: int) -> bool:
    """Whether ``run(4 * size)`` takes much more than four times what ``run(size)`` does.

    Looked at twice more before it is believed: a collection of garbage is not the input's.
    """
    for _ in range(3):
        short = seconds(lambda: run(size))
        if short < WORTH / STEP:
            return False
        if seconds(lambda: run(STEP * size)) < WORST * short:
            return False
    return True
