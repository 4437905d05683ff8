"""A parser: a process that opens documents and assembles their translations.

Started by the gateway as ``python -m serving.documents.process BYTES`` (see ``serving.messages``).
What strangers wrote is read here and nowhere else: with so much memory at most, with seconds of
processor time for each document that the kernel counts, and with nothing lost when it is killed.
Documents and their texts lie in the folder of their job; a message names it and what to do.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from csanmt.documents.formats import find
from csanmt.documents.limits import DocumentTooLargeError, Limits
from csanmt.documents.protocol import Languages
from csanmt.documents.translation import assemble, take_apart
from csanmt.errors import CsanmtError
from csanmt.markup import AlignedText
from serving.messages import become_child, tell, told

# The files in a document's folder; texts and answers have a line of JSON for each text.
SOURCE, TEXTS, ANSWERS, RESULT = "source", "texts", "answers", "result"
FULL = "storage"  # code of an answer: the disk took no more
TOO_MUCH_MEMORY = "the document takes more memory than a document may take"


def _work(message: dict[str, Any]) -> dict[str, Any]:
    """Take a document apart and write its texts, a line each (``[text, has tags somewhere]``);
    or put it together of its source and the answers."""
    folder = Path(message["folder"])
    known, source = find(message["name"]), (folder / SOURCE).read_bytes()
    limits, languages = Limits(**message["limits"]), Languages(*message["languages"])
    if message["do"] == "open":
        found = take_apart(known, source, limits, languages)
        with (folder / TEXTS).open("w", encoding="utf-8") as stream:
            for text, tagged in found.needed.items():
                stream.write(json.dumps([text, tagged], ensure_ascii=False) + "\n")
        return {"characters": found.characters, "total": found.total, "sample": found.sample}
    assembled = assemble(known, source, limits, languages, dict(_answers(folder)))
    (folder / RESULT).write_bytes(assembled.data)
    warnings = [[left.part, left.count] for left in assembled.left]
    return {"bytes": len(assembled.data), "warnings": warnings}


def _answers(folder: Path) -> Iterator[tuple[str, AlignedText]]:
    with (
        (folder / TEXTS).open(encoding="utf-8") as texts,
        (folder / ANSWERS).open(encoding="utf-8") as answers,
    ):
        for text_line, answer_line in zip(texts, answers, strict=True):
            source = json.loads(text_line)[0]
            text, pairs, sentences = json.loads(answer_line)
            exact = tuple((tuple(s), tuple(t)) for s, t in pairs)
            yield source, AlignedText(source, text, exact, tuple(map(tuple, sentences)))


def answer(message: dict[str, Any]) -> dict[str, Any]:
    """Do what a message asks for."""
    _allow_seconds(message["seconds"])
    try:
        return _work(message)
    except CsanmtError as error:
        return _error(error.code, str(error))
    except (MemoryError, RecursionError):
        return _error(DocumentTooLargeError.code, TOO_MUCH_MEMORY) | {"last": True}
    except OSError as error:
        return _error(FULL, os.strerror(error.errno or 0)) | {"errno": error.errno}
    except Exception as error:  # a bug of ours: told without its message, which may quote text
        frames = "".join(traceback.format_tb(error.__traceback__))
        return _error("internal", type(error).__name__) | {"frames": frames}


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


def _allow_seconds(seconds: float) -> None:
    """So much processor time from now on; then the kernel ends this process (SIGXCPU)."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(usage.ru_utime + usage.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def main(memory: int) -> int:
    """Entry point of the process: answer until the gateway is gone, or memory was short."""
    outgoing = become_child()
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    gc.disable()  # a document is many objects that all live until it is done
    for message in told(sys.stdin.buffer):
        reply = answer(message)
        gc.collect()
        tell(outgoing, reply)
        if reply.get("last"):
            break
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
