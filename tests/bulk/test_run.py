"""A run ends with the same bytes however often it was stopped, and refuses to mix two."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk.run import translate_corpus
from bulk.state import RunState
from csanmt.errors import ConflictError, IntegrityError, InvalidInputError, NotFoundError
from csanmt.translator import DecodingOptions
from tests.bulk.corpora import MODEL, ROOT, StubPool, corpus, parts

TEN = "".join(f"第{i}行。\n" for i in range(10))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "in" / "a.txt"
    path.parent.mkdir()
    path.write_text(TEN, encoding="utf-8")
    return path


@given(
    lines=st.lists(st.text(st.characters(exclude_characters="\n", codec="utf-8"), max_size=9)),
    chunk=st.integers(1, 5),
    stops=st.lists(st.integers(0, 3), max_size=3),
)
@settings(max_examples=15, deadline=None)
def test_a_run_that_was_stopped_ends_as_an_undisturbed_one(
    lines: list[str], chunk: int, stops: list[int]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source, once, often = (Path(folder, n) for n in ("in/a.jsonl", "once", "often"))
        source.parent.mkdir()
        source.write_text(
            "".join(f'{{"text": {_quoted(x)}}}\n' for x in lines), encoding="utf-8", newline=""
        )
        translate_corpus(corpus(once, source, lines=chunk), StubPool())
        seen: list[tuple[int, int]] = []
        for stop in [*stops, None]:
            pool = StubPool(fail_after=stop)
            try:
                translate_corpus(corpus(often, source, lines=chunk), pool)
            except KeyboardInterrupt:
                assert not (often / "a.jsonl").exists()
            seen += pool.seen
        assert (often / "a.jsonl").read_bytes() == (once / "a.jsonl").read_bytes()
        assert len(seen) == len(set(seen))  # nothing was translated twice


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def test_folders_keep_their_shape_and_what_is_done_stays(tmp_path: Path, source: Path) -> None:
    (source.parent / "sub").mkdir()
    (source.parent / "sub" / "b.tsv").write_text("一\n")
    (source.parent / ".hidden.txt").write_text("一\n")
    (source.parent / "notes.doc").write_text("一\n")
    run = corpus(tmp_path / "out", source.parent)
    summary = translate_corpus(run, StubPool())
    assert [file["name"] for file in summary["files"]] == ["a.txt", "sub/b.tsv"]
    assert (tmp_path / "out" / "sub" / "b.tsv").read_text() == "一\t[一]\n"
    pool = StubPool()
    again = translate_corpus(run, pool)
    assert (pool.seen, again["resumed"]) == ([], 11)
    (tmp_path / "out" / "a.txt").unlink()  # the user removed it: made again
    translate_corpus(run, pool)
    assert (tmp_path / "out" / "a.txt").read_text().startswith("[第0行。]\n")
    assert {key[0] for key in pool.seen} == {0}


OTHERS: list[tuple[dict[str, Any], str]] = [
    ({"decoding": DecodingOptions(beam=1)}, "decoding.beam: 4 then, 1 now"),
    ({"decoding": DecodingOptions(protect=("微信",))}, "decoding.protect"),
    ({"model": replace(MODEL, digest="sha256:cd")}, "model.digest"),
    ({"model": replace(MODEL, tag="csanmt-zh-en:v1.0.1")}, "model.tag"),
    ({"lines": 3}, "chunk_lines: 2 then, 3 now"),
    ({"policy": "copy"}, "layout.policy"),
]


@pytest.mark.parametrize(("other", "says"), OTHERS)
def test_going_on_with_other_settings_is_refused(
    tmp_path: Path, source: Path, other: dict[str, Any], says: str
) -> None:
    with pytest.raises(KeyboardInterrupt):
        translate_corpus(corpus(tmp_path / "out", source), StubPool(fail_after=2))
    with pytest.raises(ConflictError, match=says):
        translate_corpus(corpus(tmp_path / "out", source, **other), StubPool())


def test_the_same_options_are_known_again(tmp_path: Path, source: Path) -> None:
    same = {
        "decoding": DecodingOptions(beam=2, terms=(("行", "line"),), protect=("行",)),
        "policy": "copy",
    }
    with pytest.raises(KeyboardInterrupt):
        translate_corpus(corpus(tmp_path / "out", source, **same), StubPool(fail_after=2))
    assert translate_corpus(corpus(tmp_path / "out", source, **same), StubPool())["resumed"] == 4


def test_going_on_with_a_changed_input_is_refused(tmp_path: Path, source: Path) -> None:
    translate_corpus(corpus(tmp_path / "out", source), StubPool())
    source.write_text(TEN + "多\n")
    with pytest.raises(ConflictError, match=r"input\.a\.txt: .* then, .* now"):
        translate_corpus(corpus(tmp_path / "out", source), StubPool())


def test_two_runs_do_not_write_to_one_folder(tmp_path: Path, source: Path) -> None:
    with (
        RunState(tmp_path / "out").claimed(),
        pytest.raises(ConflictError, match="another process writes"),
    ):
        translate_corpus(corpus(tmp_path / "out", source), StubPool())


def test_damaged_state_is_noticed(tmp_path: Path, source: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        translate_corpus(corpus(out, source), StubPool(fail_after=3))
    parts(out)[1].write_text('["one", 0, 0, 0]\n')
    with pytest.raises(IntegrityError, match="has 9 answers instead of 10"):
        translate_corpus(corpus(out, source), StubPool())
    (out / ".csanmt-bulk" / "manifest.json").write_text("{")
    with pytest.raises(IntegrityError, match="is not a manifest"):
        translate_corpus(corpus(out, source), StubPool())


def test_outputs_never_fall_among_inputs_or_on_each_other(tmp_path: Path, source: Path) -> None:
    for output in (source.parent, source.parent / "out"):
        with pytest.raises(InvalidInputError, match="choose another"):
            translate_corpus(corpus(output, source.parent), StubPool())
    twin = tmp_path / "twin" / "a.txt"
    twin.parent.mkdir()
    twin.write_text("x")
    with pytest.raises(InvalidInputError, match=r"would both become 'a\.txt'"):
        translate_corpus(corpus(tmp_path / "out", source, twin), StubPool())
    with pytest.raises(NotFoundError, match="no such file or folder"):
        translate_corpus(corpus(tmp_path / "out", tmp_path / "absent"), StubPool())


def test_a_full_disk_stops_the_run_and_it_goes_on_when_there_is_room(
    tmp_path: Path, source: Path
) -> None:
    """On a small file system in memory; the second run happens after it was made larger."""
    out = tmp_path / "out"
    out.mkdir()
    source.write_text("".join(f"第{i}行。" * 200 + "\n" for i in range(60)), encoding="utf-8")
    program = (
        "import subprocess, sys, pathlib\n"
        "from bulk.run import translate_corpus\n"
        "from tests.bulk.corpora import StubPool, corpus\n"
        f"out, source = pathlib.Path({str(out)!r}), pathlib.Path({str(source)!r})\n"
        "try:\n"
        "    translate_corpus(corpus(out, source), StubPool())\n"
        "except OSError as error:\n"
        "    print(error.strerror, list((out / '.csanmt-bulk/writing').iterdir()))\n"
        "subprocess.run(['mount', '-o', 'remount,size=2m', str(out)], check=True)\n"
        "pool = StubPool()\n"
        "translate_corpus(corpus(out, source), pool)\n"
        "print(0 < len(pool.seen) < 30, (out / 'a.txt').read_bytes().count(b'\\n'))\n"
    )
    script = f'mount -t tmpfs -o size=160k csanmt {out} || exit 77\nexec {sys.executable} -c "$0"'
    outcome = subprocess.run(
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", script, program],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    if outcome.returncode == 77 or "unshare" in outcome.stderr:
        pytest.skip("user namespaces with tmpfs are not allowed here")
    assert outcome.stdout == "No space left on device []\nTrue 60\n", outcome.stderr
