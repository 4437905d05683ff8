"""A version's settings are read in one place: one file, one meaning, one sentence."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest

from benchmarks.loading import load_subject
from cli.loading import decoding_options
from csanmt import version
from csanmt.errors import ConfigurationError, InvalidInputError
from csanmt.loading import load_translator
from csanmt.translator import DecodingOptions
from csanmt.version import behaviour, read_decoding, require_readable, write_decoding
from model_store.store import ModelStore
from serving.runners.translators import open_translator
from serving.settings import Settings

STORED = Path(__file__).parents[1] / "fixtures" / "v0.1.0" / "store" / "models" / "csanmt-tiny"
USUAL = DecodingOptions()
# generation_config.json, how everybody decodes, what is warned of and refused at a save
SETTINGS = [
    ('{"num_beams": 2, "length_penalty": 1.0, "max_length": 6}', DecodingOptions(2, 1, 1.0, 6), ""),
    ('{"beam": 3, "num_beams": 2}', DecodingOptions(3), ""),
    ('{"beam": 2.0, "length_penalty": 1}', DecodingOptions(2, 1, 1.0), ""),
    ('{"beam": null, "top_k": 50}', USUAL, ""),
    ('{"beam": "four"}', USUAL, "beam is 'four'; allowed is a whole number"),
    ('{"num_beams": "four"}', USUAL, "num_beams is 'four'; allowed is a whole number"),
    ('{"beam": 2, "max_length": true}', USUAL, "max_length is True; allowed is a whole number"),
    ('{"beam": 99}', USUAL, "beam is 99; allowed is 1 to 16"),
    ('{"beam": 2.5}', USUAL, "beam is 2.5; allowed is a whole number"),
    ('{"length_penalty": NaN}', USUAL, "length_penalty is nan; allowed is 0.0 to 5.0"),
    ("{bad", USUAL, "is not JSON"),
    ("[1]", USUAL, "must hold a JSON object"),
    ("[" * 100_000, USUAL, "is not JSON"),
    ("\udcff", USUAL, "is not JSON"),
]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    directory = Path(shutil.copytree(STORED / "v1.1.0", tmp_path / "model"))
    for record in ("provenance.json", "model.yaml"):
        (directory / record).unlink()
    return directory


@pytest.fixture(autouse=True)
def unwarned() -> None:
    version._warn.cache_clear()


def everywhere(directory: Path) -> dict[str, DecodingOptions]:
    """How each part of the product decodes with a version when it is not told."""
    _, facts = open_translator(Settings(model="m:v1", model_directory=str(directory)))
    return {
        "command line and training": decoding_options(directory),
        "gate": load_subject(str(directory)).options,
        "service": DecodingOptions(facts.beam, 1, facts.length_penalty, facts.max_length),
        "library": load_translator(directory).decoding,
    }


@pytest.mark.parametrize(("text", "decoding", "warning"), SETTINGS)
def test_decoding_defaults_are_one_thing_to_everybody(
    model: Path, text: str, decoding: DecodingOptions, warning: str, caplog
) -> None:
    file = model / "generation_config.json"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    with caplog.at_level(logging.WARNING):
        assert set(everywhere(model).values()) == {decoding}
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == bool(warning)
    assert all(warning in line and str(file) in line for line in said)


@pytest.mark.parametrize(("text", "decoding", "warning"), SETTINGS)
def test_a_version_is_saved_only_if_its_settings_can_be_read(
    model: Path, tmp_path: Path, text: str, decoding: DecodingOptions, warning: str
) -> None:
    (model / "generation_config.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    store = ModelStore(tmp_path / "store")
    if not warning:
        assert read_decoding(store.path(store.save(model, "m:v1.0.0").tag)) == decoding
        return
    with pytest.raises(InvalidInputError) as refused:
        store.save(model, "m:v1.0.0")
    assert warning in str(refused.value)
    assert not store.list()


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("{", "is not JSON"),
        ("[]", "must hold a JSON object"),
        ('{"model_type": "marian"}', "model_type is 'marian'; allowed is 'csanmt'"),
        ("{}", "model_type is None"),
        ('{"model_type": "csanmt", "target_language": ""}', "target_language is ''"),
        ('{"model_type": "csanmt", "source_language": ["zh"]}', "source_language is ['zh']"),
    ],
)
def test_a_configuration_that_is_not_ours_is_named(model: Path, config: str, says: str) -> None:
    (model / "config.json").write_text(config)
    for read in (require_readable, load_translator):
        with pytest.raises(ConfigurationError) as refused:
            read(model)
        assert says in str(refused.value)
        assert str(model / "config.json") in str(refused.value)


def test_what_is_written_is_read_and_means_the_same_to_transformers(tmp_path: Path) -> None:
    own = DecodingOptions(beam=5, length_penalty=0.8, max_length=77)
    write_decoding(tmp_path, own)
    assert read_decoding(tmp_path) == own
    table = json.loads((tmp_path / "generation_config.json").read_text())
    assert table["num_beams"] == 5
    del table["beam"]
    (tmp_path / "generation_config.json").write_text(json.dumps(table))
    assert read_decoding(tmp_path) == own


@pytest.mark.parametrize(("key", "least"), [("max_source_tokens", 8), ("max_length_factor", 1)])
def test_limits_in_tokens_have_a_least(key: str, least: int) -> None:
    assert getattr(behaviour({key: least}), key) == least
    with pytest.raises(ConfigurationError, match=f"{key} is {least - 1}; allowed is {least} or"):
        behaviour({key: least - 1})
