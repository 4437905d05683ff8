"""A docx of many pages, measured: ``python -m tests.documents.large [PAGES]``.

Prints processor time of one core for opening it, translating it with the default model and
putting it together, and the most memory that the process had in each.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import csanmt
from csanmt.documents.formats import find
from csanmt.documents.limits import Limits
from csanmt.documents.protocol import Languages
from csanmt.documents.translation import answered, assemble, take_apart
from tests.documents.gloss import WORDS
from tests.documents.handmade import docx

PARAGRAPHS = 12  # a page
MODEL = Path(__file__).parents[2] / "model_store" / "default"
Result = TypeVar("Result")


def large(pages: int) -> bytes:
    """All paragraphs are different, and have a bold word each."""
    chance = random.Random(7)
    words = [word for word in WORDS if word not in "。，"]
    body = "".join(
        f"<w:p><w:r><w:t>{number}{''.join(chance.choices(words, k=17))}</w:t></w:r><w:r><w:rPr>"
        f"<w:b/></w:rPr><w:t>{''.join(chance.choices(words, k=2))}</w:t></w:r><w:r><w:t>"
        f"{''.join(chance.choices(words, k=16))}。</w:t></w:r></w:p>"
        for number in range(PARAGRAPHS * pages)
    )
    return docx(body)


def measured(name: str, run: Callable[[], Result]) -> Result:
    started = time.process_time()
    result = run()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"{name:10} {time.process_time() - started:7.2f} s  {memory:5} MB")
    return result


def main(pages: int) -> None:
    document = (find("a.docx"), large(pages), Limits(), Languages())
    texts = measured("open", lambda: take_apart(*document))
    translator = csanmt.load(MODEL)
    batches = measured("translate", lambda: list(answered(translator, texts)))
    answers = {text: answer for batch in batches for text, answer in batch.items()}
    measured("assemble", lambda: assemble(*document, answers))
    print(f"{pages} pages, {texts.characters} characters")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
