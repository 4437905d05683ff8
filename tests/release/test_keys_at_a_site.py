"""A site whose service asks for API keys, against the real guard over HTTP."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from csanmt.errors import ConfigurationError
from csanmt.source_tree import SOURCE_TREE
from release.rollout.deployment import deploy
from release.rollout.metrics import ServiceMetrics
from release.rollout.promotion import PromotionPlan, promote, watch
from release.rollout.settings import NginxSettings
from release.rollout.shadow import Collector
from release.rollout.site import Site, open_site
from release.rollout.status import standing
from release.rollout.traffic import COLOURS, Colour, Traffic
from release.running.service import HttpService
from serving.http.keys import ApiKey, KeyRing, hash_key
from tests.prometheus import running_prometheus
from tests.release.doubles import StubFront, StubLauncher, StubRouter
from tests.serving.live_application import MODEL, live_application

RELEASE = "v1.0.0-aaaaaaa"
KEYS = {
    "site": ("translate", "metrics"),
    "translator": ("translate",),
    "prometheus": ("metrics",),
    "user": ("translate",),
}


def ring() -> KeyRing:
    limits = {"user": 10}  # characters a day
    keys = (
        ApiKey(name, hash_key(f"csk_{name}"), scopes, characters_per_day=limits.get(name, 0))
        for name, scopes in KEYS.items()
    )
    return KeyRing((*keys, ApiKey("slow", hash_key("csk_slow"), ("admin",), 1)))


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Colour, str]]:
    """Addresses of two services that ask for keys."""
    with ExitStack() as stack:
        yield {
            colour: stack.enter_context(
                live_application(tmp_path_factory.mktemp(colour), ring())
            ).url.removeprefix("http://")
            for colour in COLOURS
        }


MakeSite = Callable[[str], Site]


@pytest.fixture
def make_site(
    tmp_path: Path, services: dict[Colour, str], monkeypatch: pytest.MonkeyPatch
) -> MakeSite:
    """A site by its rollout.toml, with the key of the name given; '' is none."""

    def make(key: str) -> Site:
        (tmp_path / "key").write_text(f"csk_{key}\n")
        (tmp_path / "rollout.toml").write_text(
            f'api_key_file = "{tmp_path / "key" if key else ""}"\n'
            f'[nginx]\nblue = "{services["blue"]}"\ngreen = "{services["green"]}"\n'
        )
        site = open_site(tmp_path, tmp_path / "store", tmp_path / "ledger.sqlite3", "test")
        site.launcher, site.router, site.front = StubLauncher(), StubRouter(), StubFront()
        monkeypatch.setattr(HttpService, "listens", lambda _: False)  # before the "start"
        site.router.switch(Traffic.of("green"))
        return site

    return make


def put(site: Site) -> None:
    deploy(site, RELEASE, "csanmt:v1", force="test")


def test_a_version_is_deployed_promoted_and_watched_by_the_sites_key(make_site: MakeSite) -> None:
    site = make_site("site")
    put(site)
    deployed = site.colours.get("blue")
    assert deployed is not None
    assert deployed.model == MODEL
    assert promote(site, RELEASE, PromotionPlan(observe=0.2, poll=0.1)).completed
    seen = watch(site, 0.3, 0.1)
    assert (seen.colour, seen.breaches) == ("blue", ())
    now = standing(site, window=0.01)
    assert (now.sides[0].state, now.remarks) == ("ready", ())


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("", "/version answered 401: an API key is required.*api_key_file"),
        ("stranger", "/version answered 401: this API key is not known"),
        ("prometheus", "/version answered 403: .* lacks the scope 'translate'"),
    ],
)
def test_a_deployment_that_is_refused_says_what_the_key_needs(
    make_site: MakeSite, key: str, words: str
) -> None:
    site = make_site(key)
    with pytest.raises(ConfigurationError, match=words):
        put(site)
    assert site.colours.get("blue") is None


@pytest.mark.parametrize(
    ("key", "words"), [("translator", "403: .* 'metrics'"), ("slow", "429: .*allowance")]
)
def test_a_key_that_may_not_read_metrics_is_no_illness(
    make_site: MakeSite, key: str, words: str
) -> None:
    site = make_site("site")
    put(site)
    site.metrics = ServiceMetrics(
        {c: HttpService(f"http://{site.addresses[c]}", f"csk_{key}") for c in COLOURS}
    )
    if key == "slow":
        site.metrics.sample("blue")  # the only one of this minute
    with pytest.raises(ConfigurationError, match=words):
        promote(site, RELEASE, PromotionPlan((5, 100), interval=1, poll=1))
    assert site.router.state().green == 100  # nothing was switched for what cannot be judged
    promote(site, RELEASE, PromotionPlan())
    with pytest.raises(ConfigurationError, match=words):
        watch(site, 60, 10)
    assert site.router.state().blue == 100
    assert words.partition(":")[0] in "".join(standing(site, window=0).remarks)


def test_shadow_traffic_uses_the_sites_key_and_no_users_allowance(
    services: dict[Colour, str], tmp_path: Path
) -> None:
    urls: dict[Colour, str] = {c: f"http://{services[c]}" for c in COLOURS}
    copied = (
        "/translate",
        json.dumps({"text": "二十个字" * 5}).encode(),
        {"Content-Type": "application/json", "Authorization": "Bearer csk_user"},
    )
    with Collector(urls, tmp_path / "s", api_key="csk_site") as collector:
        collector.receive(*copied)
        end = time.monotonic() + 20
        while collector.report().compared < 1:
            assert time.monotonic() < end, collector.report()
            time.sleep(0.01)


@pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not installed")
def test_prometheus_scrapes_with_the_key_that_its_configuration_offers(
    services: dict[Colour, str], tmp_path: Path
) -> None:
    text = (SOURCE_TREE / "deploy/prometheus/prometheus.yml").read_text()
    changes = {
        "# authorization:": "authorization:",
        "#   credentials_file": "  credentials_file",
        "/etc/prometheus/csanmt-key": str(tmp_path / "key"),
        NginxSettings().blue: services["blue"],
        NginxSettings().green: services["green"],
        "scrape_interval: 5s": "scrape_interval: 1s",
    }
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (tmp_path / "prometheus.yml").write_text(text)
    (tmp_path / "key").write_text("csk_prometheus")
    with running_prometheus(tmp_path) as prometheus:
        end = time.monotonic() + 60
        while len(prometheus.query('up{job="csanmt"} == 1')) < 2:
            assert time.monotonic() < end, (tmp_path / "log").read_text()
            time.sleep(0.1)
