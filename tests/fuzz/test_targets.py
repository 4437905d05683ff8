"""The fuzz targets with a few inputs each, in every run of the tests."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS

TEXTS = st.text().map(lambda text: text.encode("utf-8", "surrogatepass"))
INPUTS = st.one_of(st.binary(max_size=300), TEXTS)


@pytest.mark.parametrize("name", sorted(set(TARGETS) - {"request"}))
@given(data=INPUTS)
@example(data=b'{"a": ' * 1500)
@example(data=b"<" * 2000)
@example(data=b"<a " + b"b=" * 1000)
@example(data=b"&#x110000;&#xd800;&#99999999999999999999;")
@example(data=b"a=%ff&" * 300)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_parser_survives(name: str, data: bytes) -> None:
    TARGETS[name](data)


@given(data=st.binary(max_size=200))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_request_is_answered_with_a_fault(data: bytes) -> None:
    TARGETS["request"](data)
