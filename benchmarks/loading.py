"""From an argument to something that can be judged."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

from benchmarks.remote import UrlSubject
from benchmarks.subject import HypothesesSubject, ModelSubject, Subject
from csanmt.errors import CheckpointError, CsanmtError, NotFoundError
from csanmt.translator import DecodingOptions, Translator
from csanmt.version import CONFIG, MODEL_TYPE, PACKED_WEIGHTS, read_decoding


@dataclass(frozen=True, slots=True)
class LoadOptions:
    """How to load and ask.

    Attributes:
        engine: "native", "torch" or None for the better one that is there.
        beam, length_penalty, max_length: None takes the model's own default.
        find_tag: directory of a model tag, checked; None: no store is at hand.
        digest_of: digest of a model directory, ``sha256:<hex>``.
    """

    engine: str | None = None
    beam: int | None = None
    length_penalty: float | None = None
    max_length: int | None = None
    api_key: str | None = None
    find_tag: Callable[[str], Path] | None = None
    digest_of: Callable[[Path], str] | None = None

    def over(self, defaults: DecodingOptions) -> DecodingOptions:
        chosen = {
            key: value
            for key in ("beam", "length_penalty", "max_length")
            if (value := getattr(self, key)) is not None
        }
        return replace(defaults, **chosen)

    def overrides(self, defaults: DecodingOptions) -> Iterator[str]:
        """The decoding settings that are not the model's own, in words."""
        chosen = asdict(self.over(defaults))
        for key, own in asdict(defaults).items():
            if chosen[key] != own:
                yield f"{key.replace('_', ' ')} {chosen[key]:g}, not its own {own:g}"


def load_subject(spec: str, options: LoadOptions = LoadOptions()) -> Subject:
    """A URL, a model directory, files of hypotheses, or a tag ``name:version`` of the store.

    Raises:
        NotFoundError: nothing of that name.
        CsanmtError: it is there but cannot be loaded, or nobody answers.
    """
    if spec.startswith(("http://", "https://")):
        explicit = any((options.beam, options.length_penalty, options.max_length))
        chosen = options.over(DecodingOptions()) if explicit else None
        return UrlSubject(spec, options=chosen, api_key=options.api_key).connect()
    path = Path(spec)
    if (path / CONFIG).is_file():
        return load_model(path, options)
    if path.exists():
        return HypothesesSubject(path)
    if ":" in spec and options.find_tag is not None:
        return load_model(options.find_tag(spec), options, tag=spec)
    raise NotFoundError(f"{spec!r} is no URL, no file, no model directory and no name:version")


def load_model(path: Path, options: LoadOptions, tag: str | None = None) -> ModelSubject:
    """A model directory as a subject.

    Raises:
        CheckpointError: it cannot be loaded, whatever the reason was.
    """
    from csanmt.loading import load_translator

    try:
        translator = load_translator(path, engine=options.engine, model_tag=tag)
        digest = options.digest_of(path) if options.digest_of else None
        defaults = read_decoding(path)
    except CsanmtError:
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise CheckpointError(f"{path} cannot be loaded: {what}") from error
    engine = str(getattr(getattr(translator, "engine", None), "name", ""))
    return ModelSubject(
        translator=translator,
        options=options.over(defaults),
        digest=digest,
        engine=engine,
        implementation=implementation_digest(),
        spec=str(path),
        translate_texts=translate_as_served,
        family=family_of(path),
        overrides=(*_engine_override(path, engine), *options.overrides(defaults)),
    )


def _engine_override(path: Path, engine: str) -> Iterator[str]:
    """An image serves packed weights by the native engine (``release.build.bento``)."""
    if engine == "torch" and (path / PACKED_WEIGHTS).is_file():
        yield "the torch engine, not the native one"


@cache
def implementation_digest() -> str:
    """SHA-256 (hex) of the code that turns weights into answers, so that no answer of an
    older version of it is taken from the cache."""
    import csanmt

    files = sorted(Path(csanmt.__file__).parent.rglob("*.py"))
    native = importlib.util.find_spec("csanmt_engine")
    for place in (native.submodule_search_locations or []) if native else []:
        files += sorted(Path(place).rglob("*.so"))
    if native and native.origin:
        files.append(Path(native.origin))
    total = hashlib.sha256()
    for path in files:
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def translate_as_served(
    translator: Translator, texts: Sequence[str], options: DecodingOptions
) -> list[str]:
    """Texts the way the service translates them: segmented, translated, laid out again."""
    from csanmt.texts import translate_texts

    return [result.text for result in translate_texts(translator, texts, options)]


def family_of(path: Path) -> str:
    """Whose version a model directory is: its architecture, and where its weights came from.

    Versions trained here are one family, however often and at whatever size; what was imported
    is one with other imports of that name; bare files, of which nothing is said, are none.
    """
    try:
        record = json.loads((path / "provenance.json").read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    origin = record if isinstance(record, dict) else {}
    if origin.get("recipe"):
        return f"{MODEL_TYPE}, trained here"
    source = origin.get("source")
    if isinstance(source, dict) and source.get("location"):
        return f"{MODEL_TYPE}, imported from {source['location']}"
    return ""
