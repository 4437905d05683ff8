"""From an argument to something that can be judged."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

from benchmarks.remote import UrlSubject
from benchmarks.subject import HypothesesSubject, ModelSubject, Subject
from csanmt.errors import CheckpointError, CsanmtError, NotFoundError
from csanmt.loading import find_version, load_translator
from csanmt.translator import DecodingOptions
from csanmt.version import CONFIG, MODEL_TYPE, PACKED_WEIGHTS, read_decoding


def load_subject(
    spec: str,
    *,
    engine: str | None = None,
    decoding: Mapping[str, float] = {},
    api_key: str | None = None,
    digest_of: Callable[[Path], str] | None = None,
) -> Subject:
    """A URL, a model directory, files of hypotheses, or a tag ``name:version`` of the store.

    Args:
        engine: "native", "torch" or None for the better one that is there.
        decoding: fields of DecodingOptions that are not the model's own.
        digest_of: digest of a model directory, ``sha256:<hex>``.

    Raises:
        NotFoundError: nothing of that name.
        CheckpointError: it is there but cannot be loaded, whatever the reason is.
        UnavailableError: nobody answers there.
    """
    if spec.startswith(("http://", "https://")):
        return UrlSubject(spec, decoding, api_key=api_key).connect()
    path, tag = Path(spec), None
    if not (path / CONFIG).is_file():
        if path.exists():
            return HypothesesSubject(path)
        if ":" not in spec:
            what = "no URL, no file, no model directory and no name:version"
            raise NotFoundError(f"{spec!r} is {what}")
        path, tag = find_version(spec), spec
    try:
        translator = load_translator(path, engine=engine, model_tag=tag)
        digest = digest_of(path) if digest_of else None
        own = read_decoding(path)
    except CsanmtError:
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise CheckpointError(f"{path} cannot be loaded: {what}") from error
    used = str(getattr(translator.engine, "name", ""))
    chosen = replace(own, **decoding)  # type: ignore[arg-type]
    how = {"engine": used, "implementation": implementation_digest()}
    return ModelSubject(
        label=translator.model_tag,
        tag=translator.model_tag,
        digest=digest,
        settings={**how, **asdict(chosen)},
        spec=str(path),
        parallel=used == "native",  # torch brings threads of its own
        overrides=tuple(_overrides(path, used, own, chosen)),
        family=family_of(path),
        translator=translator,
        options=chosen,
    )


def _overrides(
    path: Path, engine: str, own: DecodingOptions, chosen: DecodingOptions
) -> Iterator[str]:
    """What it is asked with and not served with: an image serves packed weights by the native
    engine (``release.build.bento``), with the model's own decoding."""
    if engine == "torch" and (path / PACKED_WEIGHTS).is_file():
        yield "the torch engine, not the native one"
    asked = asdict(chosen)
    for key, value in asdict(own).items():
        if asked[key] != value:
            yield f"{key.replace('_', ' ')} {asked[key]:g}, not its own {value:g}"


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
