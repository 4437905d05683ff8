"""``csanmt translate``: text from the command line, a pipe or a file."""

from __future__ import annotations

import argparse
import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from cli import bulk, documents
from cli.lines import Line, line_batches
from cli.output import note
from cli.progress import ProgressBar
from csanmt.errors import InvalidInputError

if TYPE_CHECKING:
    from csanmt.texts import SegmentTranslation, TextTranslation
    from csanmt.translator import DecodingOptions, Translator

BATCH_LINES = 32  # most lines translated at once
DESCRIPTION = """\
Translate TEXT, or documents, or the lines of FILE, or the lines of standard input.

A text may hold several sentences; its line breaks, spaces and paragraphs are kept.
Lines are translated on their own, in order, and written as soon as they are done:
an empty line stays empty, and the output has as many lines as the input. Nothing is
cut off: a sentence too long for the model is translated in pieces, and a translation
that ran into the length limit is reported on stderr (and as "truncated" in JSON).

A document is named in the place of TEXT: txt, md, html, srt, vtt, ass, lrc, csv, tsv,
docx, pptx, xlsx, odt, odp, ods, epub, po, xliff or json (its values). A file of any
other type is an error. The layout is kept, and report.docx becomes
report.en.docx beside it, or what --output says.
"""

EPILOG = """\
examples:
  csanmt translate 你好，世界。
  csanmt translate report.docx slides.pptx
  csanmt translate book.epub --output book-in-english.epub
  csanmt translate --file article.zh.txt --output article.en.txt
  tail -f messages.txt | csanmt translate
  csanmt translate --beam 8 --n-best 3 --json 机器翻译很有用。
  csanmt translate --input corpus/ more.jsonl.gz --output corpus.en --field zh

With --n-best N, plain output is N lines a text: number of the text, rank, score and
translation, separated by tabs. The score is a log-probability divided by the length
penalty, summed over the sentences. With --json the output is one object a line:
source, translation, model, truncated, split, alternatives, and the sentences.
"""


def register(parser: argparse.ArgumentParser) -> None:
    parser.description = DESCRIPTION
    parser.epilog = EPILOG
    parser.add_argument(
        "text", nargs="*", metavar="TEXT", help="what to translate, or documents; - is stdin"
    )
    parser.add_argument("-f", "--file", help="translate the lines of this UTF-8 file")
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="write here instead of stdout; with --input a folder"
    )
    parser.add_argument(
        "-m",
        "--model",
        help="name:vX.Y.Z in the store, or a model's directory "
        "(default: the model that comes with csanmt)",
    )
    parser.add_argument("--beam", type=int, help="beam width; 1 is greedy (default: the model's)")
    parser.add_argument("--n-best", type=int, default=1, help="translations of each text")
    parser.add_argument("--length-penalty", type=float, help="exponent (default: the model's)")
    parser.add_argument("--max-length", type=int, help="most target tokens of a sentence")
    parser.add_argument(
        "--engine",
        choices=("auto", "native", "torch"),
        help="auto is native where it can run (default: $CSANMT_ENGINE, else auto)",
    )
    parser.add_argument(
        "--glossary",
        metavar="FILE",
        help="terms whose translation is given: a line each, source and target, tab-separated, "
        "or CSV",
    )
    parser.add_argument(
        "--protect",
        metavar="TEXT",
        action="append",
        default=[],
        help="a string that comes through untouched, as addresses and placeholders do by "
        "themselves; may be given up to 64 times",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object a text")
    bulk.add_options(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> None:
    """Translate what the arguments name; see the descriptions above."""
    if args.input:
        if args.glossary:
            raise InvalidInputError("--glossary goes with texts and documents, not with --input")
        bulk.run(args)
        return
    _check(args)
    if files := documents.named(args.text):
        documents.run(args, files)
        return
    from cli.loading import load

    with ExitStack() as stack:
        is_stream = args.text in ([], ["-"])
        source = stack.enter_context(_open_input(args.file)) if is_stream else None
        translator, options = load(args)
        sink = sys.stdout
        if args.output:
            sink = stack.enter_context(open(args.output, "w", encoding="utf-8", newline=""))
        texts = [[Line(text, "\n", 0) for text in args.text]]
        batches = texts if source is None else _read(source, args)
        _write(batches, sink, args, translator, options)


def _read(descriptor: int, args: argparse.Namespace) -> Iterator[list[Line]]:
    """Batches of lines, with a bar over the input where nothing else is shown."""
    status = os.fstat(descriptor)
    regular = stat.S_ISREG(status.st_mode)
    shown = regular and sys.stderr.isatty() and (bool(args.output) or not sys.stdout.isatty())
    with ProgressBar("translating", status.st_size, shown=shown) as bar:
        for batch in line_batches(descriptor, BATCH_LINES, args.file or "standard input"):
            yield batch
            bar.advance(sum(line.size for line in batch))


def _write(
    batches: Iterable[list[Line]],
    sink: TextIO,
    args: argparse.Namespace,
    translator: Translator,
    options: DecodingOptions,
) -> None:
    """Translate lines and write the answers in their order, a batch as soon as it is done."""
    from csanmt.texts import translate_texts

    count = truncated = 0
    for batch in batches:
        results = translate_texts(translator, [line.text for line in batch], options)
        for line, result in zip(batch, results, strict=True):
            count += 1
            truncated += result.truncated
            if args.json:
                sink.write(_json_line(result, translator.model_tag))
            elif args.n_best > 1:
                sink.write(_ranked_lines(result, count))
            else:
                sink.write(result.text + line.ending)
        sink.flush()
    if truncated:
        note(f"{truncated} of {count} texts ran into the length limit (--max-length)")


def _json_line(result: TextTranslation, model: str) -> str:
    """One JSON object and a line break; scores in nats, spans in characters."""
    value = {
        "source": result.source,
        "translation": result.text,
        "model": model,
        "truncated": result.truncated,
        "split": result.split,
        "source_tokens": result.source_tokens,
        "alternatives": [
            {"text": text, "score": _score(result, rank)}
            for rank, text in enumerate(result.alternatives)
        ],
        "sentences": [_sentence(segment) for segment in result.segments],
    }
    return json.dumps(value, ensure_ascii=False) + "\n"


def _ranked_lines(result: TextTranslation, number: int) -> str:
    """``number<TAB>rank<TAB>score<TAB>text`` for every alternative; line breaks as ``\\n``."""
    return "".join(
        f"{number}\t{rank + 1}\t{_score(result, rank):.4f}\t{_one_line(text)}\n"
        for rank, text in enumerate(result.alternatives)
    )


def _score(result: TextTranslation, rank: int) -> float:
    """Sum of the sentences' scores of that rank; a sentence with fewer gives its last."""
    return sum(segment.translation.ranked(rank).score for segment in result.segments)


def _sentence(segment: SegmentTranslation) -> dict[str, Any]:
    translation = segment.translation
    return {
        "source": translation.source,
        "source_span": segment.source_span,
        "target_span": segment.target_span,
        "split": segment.split,
        "copied": segment.copied,
        "truncated": segment.truncated,
        "hypotheses": [
            {"text": h.text, "score": h.score, "tokens": h.tokens} for h in translation.hypotheses
        ],
    }


def _one_line(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")


def _check(args: argparse.Namespace) -> None:
    if args.file and args.text:
        raise InvalidInputError("give either TEXT or --file, not both")
    for text in args.text:
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise InvalidInputError(f"TEXT {text!r} is not UTF-8")
    if args.n_best < 1:
        raise InvalidInputError(f"n-best is {args.n_best}; allowed is 1 to the beam width")
    both = args.file and args.output and Path(args.output).exists() and Path(args.file).exists()
    if both and Path(args.file).samefile(args.output):
        raise InvalidInputError(f"--output {args.output!r} would overwrite the input")


@contextmanager
def _open_input(path: str | None) -> Iterator[int]:
    """A descriptor to read from, opened before the model so that a wrong name fails at once."""
    if path is None or path == "-":
        if sys.stdin is None:  # closed by the caller: csanmt translate <&-
            raise InvalidInputError("give TEXT or --file: standard input is closed")
        if sys.stdin.isatty():
            note("reading from the terminal; end with Ctrl-D")
        yield sys.stdin.fileno()
        return
    if Path(path).is_dir():
        raise InvalidInputError(f"{path!r} is a directory; give a text file")
    with open(path, "rb", buffering=0) as stream:
        yield stream.fileno()
