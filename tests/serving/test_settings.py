"""Settings: every value read once, refused with key, value and what is allowed."""

from __future__ import annotations

from dataclasses import fields

import pytest

from csanmt.errors import ConfigurationError
from serving.settings import Settings, is_loopback


def test_empty_environment_gives_the_defaults():
    assert Settings.from_environment({}) == Settings()
    assert Settings.from_environment({"CSANMT_PORT": " "}) == Settings()


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("CSANMT_PORT", "0", "1 to 65535"),
        ("CSANMT_PORT", "http", "1 to 65535"),
        ("CSANMT_PORT", "9" * 30, "1 to 65535"),
        ("CSANMT_WORKERS", "-1", "0 to 256"),
        ("CSANMT_ENGINE", "gpu", "auto, native, torch"),
        ("CSANMT_HOST", "example.org", "IP address"),
        ("CSANMT_TIMEOUT", "nan", "seconds"),
        ("CSANMT_TIMEOUT", "soon", "seconds"),
        ("CSANMT_PRIVATE_NETWORK", "maybe", "1 or 0"),
        ("CSANMT_CORS_ORIGINS", "example.org", "origins"),
        ("CSANMT_CORS_ORIGINS", "https://example.org/page", "origins"),
        ("CSANMT_LOG_FORMAT", "xml", "json, text"),
    ],
)
def test_bad_values_are_refused_with_key_value_and_what_is_allowed(name, value, allowed):
    with pytest.raises(ConfigurationError) as refused:
        Settings.from_environment({name: value})
    for part in (name, value, allowed):
        assert part in str(refused.value)


def test_settings_survive_the_way_through_an_environment():
    settings = Settings(
        model="a:v1.0.0",
        workers=3,
        timeout=1.5,
        private_network=True,
        cors_origins=("https://a.example", "https://b.example"),
    )
    assert Settings.from_environment(settings.to_environment()) == settings


def test_every_knob_has_a_name_of_its_own():
    names = [knob.metadata["environment"] for knob in fields(Settings)]
    assert len(set(names)) == len(names)
    assert all(name.startswith("CSANMT_") for name in names)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("example.org", False),
    ],
)
def test_loopback(host, loopback):
    assert is_loopback(host) is loopback
