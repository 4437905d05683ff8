"""A site of real bentos of three small models, the second in service and the first beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from release.rollout.deployment import deploy
from release.rollout.promotion import PromotionPlan, promote
from release.rollout.site import Site, apply_settings, open_site
from release.rollout.traffic import COLOURS
from tests.e2e.workshop import MODEL, VERSION, Workshop
from tests.ports import free_addresses
from tests.release.nginx_site import WORKERS
from tests.release.random_model import write_random_model

OTHERS = ("csanmt-zh-en:v0.0.3", "csanmt-zh-en:v0.0.4")
# Random weights translate into nonsense, and a busy machine is slow: neither is judged here.
THRESHOLDS = "max_p95_seconds = 60.0\nmax_p95_ratio = 100.0\n"


@contextmanager
def real_site(folder: Path) -> Iterator[tuple[partial[Site], dict[str, str]]]:
    """What opens the site, and release → model."""
    workshop = Workshop(folder)
    models = _builds(workshop, folder)
    home = folder / "site"
    home.mkdir()
    listen, blue, green = free_addresses(3)
    (home / "thresholds.toml").write_text(THRESHOLDS)
    (home / "rollout.toml").write_text(
        f"ready_seconds = 240\nthresholds = {json.dumps(str(home / 'thresholds.toml'))}\n"
        '[environment]\nCSANMT_WORKERS = "1"\n'
        f'[nginx]\nlisten = "{listen}"\nblue = "{blue}"\ngreen = "{green}"\n'
        f'rate_per_second = 100000\nburst = 10000\nuser = "{WORKERS}"\n'
    )
    ledger = Path(workshop.environment["CSANMT_LEDGER"])
    opened = partial(open_site, home, workshop.store.home, ledger, "test", applied=True)
    apply_settings(opened())
    try:
        for release in list(models)[:2]:
            deploy(opened(), release, f"csanmt:{release}", force="test")
            promote(opened(), release, PromotionPlan())
        yield opened, models
    finally:
        site = opened()
        for colour in COLOURS:
            site.launcher.stop(site.place(colour), deadline_seconds=5)
        site.router.stop()


def _builds(workshop: Workshop, folder: Path) -> dict[str, str]:
    """Three bentos of commits that pin different models."""
    workshop.json("build", VERSION, "--no-image")
    here = workshop.git("rev-parse", "HEAD")
    for seed, model in enumerate(OTHERS, start=7):
        workshop.store.save(write_random_model(folder / model.partition(":")[2], seed=seed), model)
        workshop.pin(model)
        workshop.json("build", f"{VERSION}-fix-model{seed}", "--no-image")
        workshop.git("reset", "--quiet", "--hard", here)
    built = [entry["version"] for entry in workshop.json("history", "--kind", "build")]
    return dict(zip(built, (MODEL, *OTHERS), strict=True))
