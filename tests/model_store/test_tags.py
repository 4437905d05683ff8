from __future__ import annotations

import pytest

from csanmt.errors import InvalidInputError
from model_store.tags import ModelTag


@pytest.mark.parametrize(
    ("text", "numbers", "suffix"),
    [
        ("csanmt-zh-en:v1.0.0", (1, 0, 0), ""),
        ("a:v0.0.1", (0, 0, 1), ""),
        ("m.x_y:v10.20.30-abc12de", (10, 20, 30), "abc12de"),
        ("m:v1.2.1-fix-parsing-0123456", (1, 2, 1), "fix-parsing-0123456"),
        ("m:v1.2.1-rc.1", (1, 2, 1), "rc.1"),
        ("m:v1.0.0-0012345", (1, 0, 0), "0012345"),  # a git hash may be all digits
    ],
)
def test_accepted_tags_split_into_numbers_and_suffix(
    text: str, numbers: tuple[int, int, int], suffix: str
) -> None:
    tag = ModelTag.parse(text)
    assert (str(tag), tag.numbers, tag.suffix) == (text, numbers, suffix)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("csanmt-zh-en", "no version"),
        ("m:latest", "write vX.Y.Z"),
        ("m:v1.0.0+abc", "write vX.Y.Z"),
        ("m:v1.0.0-ABC", "write vX.Y.Z"),
        ("m:V1.0.0", "write vX.Y.Z"),
        ("m:1.0.0", "write vX.Y.Z"),
        ("m:v1.0", "write vX.Y.Z"),
        ("m:v1.0.0.0", "write vX.Y.Z"),
        ("m:v01.0.0", "write vX.Y.Z"),
        ("m:v1.0.0-", "write vX.Y.Z"),
        ("m:v1.0.0-a..b", "write vX.Y.Z"),
        ("m:v1.0.0-a_b", "write vX.Y.Z"),
        ("m:v1.0.0\n", "write vX.Y.Z"),
        ("m:v1.0.0/../../x", "write vX.Y.Z"),
        ("m:v１.0.0", "write vX.Y.Z"),
        ("m:", "write vX.Y.Z"),
        ("m:v1.0.0-" + "a" * 60, "write vX.Y.Z"),
        ("M:v1.0.0", "model name 'M'"),
        ("../m:v1.0.0", "model name '../m'"),
        (":v1.0.0", "model name ''"),
        ("-m:v1.0.0", "model name '-m'"),
        ("m/n:v1.0.0", "model name 'm/n'"),
        ("模型:v1.0.0", "model name '模型'"),
        ("a" * 64 + ":v1.0.0", "at most 63"),
    ],
)
def test_refused_tags_say_why(text: str, says: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        ModelTag.parse(text)
    assert says in str(caught.value)


def test_order_is_numbers_then_plain_after_suffixed_then_age() -> None:
    ordered = [
        ("v0.9.0", "9"),
        ("v1.0.0-rc.1", "1"),
        ("v1.0.0-aaa", "2"),
        ("v1.0.0", "0"),
        ("v1.2.0", "0"),
        ("v1.10.0", "0"),
        ("v2.0.0-x", "0"),
    ]
    keys = [ModelTag("m", version).precedence(created) for version, created in ordered]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
