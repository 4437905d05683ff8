"""Random walks of operators and mishaps over one site, and what must hold after each step.

``python -m tests.release.chaos --seeds 60`` walks on real bentos (``make chaos``); the tests walk
six fixed seeds on stub services behind the real nginx.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import service_process
from csanmt.errors import CsanmtError, NotFoundError
from release.rollout.deployment import deploy
from release.rollout.keeper import keep
from release.rollout.promotion import PromotionPlan, promote
from release.rollout.rollback import RolledBack, rollback
from release.rollout.settings import SETTINGS
from release.rollout.shipment import Shipment, Shipments
from release.rollout.site import Site, apply_settings
from release.rollout.status import look
from release.rollout.traffic import COLOURS
from tests.release.load import Answer, Load

Opened = Callable[[], Site]
SETTLED_SECONDS = 60.0


@dataclass
class Walk:
    """One seed.

    Attributes:
        opened: opens the site afresh, as each command does.
        releases: that can be deployed; the first is in service.
        models: release → the model that its answers name.
        orphan_seconds: in which a worker whose main process was killed ends, if it does.
        steps: what was done, in words.
    """

    opened: Opened
    releases: list[str]
    models: dict[str, str]
    seed: int
    load: Load
    orphan_seconds: float = 0.0
    steps: list[str] = field(default_factory=list)
    returned: int = 0
    _random: random.Random = field(init=False)
    _spent: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    @property
    def site(self) -> Site:
        return self.opened()

    # -- what operators do -------------------------------------------------------------

    def ship(self) -> None:
        release = self._another()
        shipments = Shipments(self.site.home / "keeper")
        plan = PromotionPlan((25, 100), interval=0.4, observe=0.4, poll=0.2)
        with suppress(CsanmtError):
            shipments.submit(
                Shipment(release, f"csanmt:{release}", force="chaos", plan=plan, who="ada")
            )
        self._command(f"ship {release}", lambda: keep(self.opened, shipments, once=True))

    def deploy(self) -> None:
        release = self._another()
        self._command(
            f"deploy {release}",
            lambda: deploy(self.opened(), release, f"csanmt:{release}", force="chaos"),
        )

    def promote(self) -> None:
        release = self._another()
        self._command(
            f"promote {release}", lambda: promote(self.opened(), release, PromotionPlan())
        )

    def roll_back(self) -> None:
        self._command("rollback", lambda: rollback(self.opened(), why="chaos"))

    def two_operators(self) -> None:
        """Both roll back, one of them by name."""
        self._did("two rollbacks at once")
        name = self._another()
        children = [
            _fork(lambda: rollback(self.opened(), why="one")),
            _fork(lambda: rollback(self.opened(), name, why="two")),
        ]
        for child in children:
            os.waitpid(child, 0)

    def roll_back_without_room(self) -> None:
        """No file can grow, as on a full disk."""
        self._did("rollback on a full disk")

        def full() -> object:
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
            return rollback(self.opened(), why="chaos")

        os.waitpid(_fork(full), 0)

    # -- what goes wrong -----------------------------------------------------------------

    def kill_master(self) -> None:
        router = self.site.router
        if master := router.program.master():
            self._did("nginx's master is killed")
            os.kill(master, signal.SIGKILL)

    def kill_worker(self) -> None:
        """Takes its requests with it: those in flight at that moment."""
        router = self.site.router
        master = router.program.master()
        children = Path(f"/proc/{master}/task/{master}/children")
        if master and children.exists() and (pids := children.read_text().split()):
            with self._forgiving("an nginx worker is killed"):
                os.kill(int(pids[0]), signal.SIGKILL)
                time.sleep(0.2)

    def kill_bento(self) -> None:
        """Main process and worker: nginx asks its requests of the other one, if there is one."""
        home = self.site.home / "colours" / f"{self._random.choice(COLOURS)}-home"
        with self._forgiving(f"{home.name} is killed"):
            for pid in service_process.members(home):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(0.2)

    def kill_main(self) -> None:
        """The main process alone; a bento's worker answers what it has, and ends."""
        home = self.site.home / "colours" / f"{self._random.choice(COLOURS)}-home"
        if pids := service_process.members(home):
            self._did(f"the main process of {home.name} is killed")
            os.kill(pids[0], signal.SIGKILL)
            end = time.monotonic() + self.orphan_seconds
            while time.monotonic() < end and service_process.members(home):
                time.sleep(0.05)

    def damage(self) -> None:
        site = self.site
        router = site.router
        files = [
            *(site.colours.directory / f"{colour}.json" for colour in COLOURS),
            router.routes / "active",
            router.routes / "last-green",
            router.note,
            router.main,
            site.ledger.path,
            site.home / "rollout.toml",
            site.home / "rollout.applied.toml",
            site.home / "keeper" / "plan.json",
            site.home / "keeper" / "progress.json",
            router.directory / "nginx.pid",
        ]
        path = self._random.choice(files)
        kind = self._random.choice(("cut", "garbage", "deleted"))
        self._did(f"{path.name} is {kind}")
        with suppress(OSError):
            if kind == "cut":
                os.truncate(path, path.stat().st_size // 2)
            else:
                path.unlink(missing_ok=True)
                if kind == "garbage":
                    path.write_bytes(b"\x00garbage\n")
        if path == site.ledger.path:  # somebody has put it aside
            for part in path.parent.glob(f"{path.name}*"):
                part.unlink()

    def clock_back(self) -> None:
        """A build that is recorded while the clock is wrong."""
        from datetime import UTC, datetime

        self._did("the clock is set back")
        with suppress(CsanmtError):
            self.site.ledger.append(
                "note",
                self.releases[0],
                who="ada",
                why="wrong clock",
                at=datetime(2001, 1, 1, tzinfo=UTC),
            )

    # -- the walk ----------------------------------------------------------------------------

    def step(self) -> None:
        operators = [
            self.ship,
            self.deploy,
            self.promote,
            self.roll_back,
            self.two_operators,
            self.roll_back_without_room,
        ]
        mishaps = [
            self.kill_master,
            self.kill_worker,
            self.kill_bento,
            self.kill_main,
            self.damage,
            self.damage,
            self.clock_back,
        ]
        self._random.choice(mishaps if self._random.random() < 0.5 else operators)()

    def settle(self) -> RolledBack:
        """One rollback, as on call; it may find that all there is serves already."""
        moment = time.monotonic()
        site = self.opened()
        try:
            back = rollback(site, why="on call")
        except NotFoundError as error:
            self._did(f"on call: {error}")
            now = look(site)
            assert now.live, self.steps
            assert now.serving is not None, self.steps
            back = RolledBack(now.serving.release, now.serving.colour, "-", 0.0, already=True)
        assert back.release in self.releases, self.steps
        self.returned += not back.already
        self._must_serve(back.release, moment)
        return back

    def restore(self) -> None:
        """A version in service and another beside it that served: what there is to go back to."""
        end = time.monotonic() + SETTLED_SECONDS
        while True:  # what a mishap hit may die only now
            try:
                for release in self.releases[:2]:
                    self._restored(release)
                for release in self.releases[:2]:
                    promote(self.opened(), release, PromotionPlan())
                return
            except CsanmtError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)

    def _restored(self, release: str) -> None:
        now = look(self.opened())
        side = now.of(release)
        if side is None and now.serving is not None and now.serving.release == release:
            return
        if side is None or side.state != "ready":
            deploy(self.opened(), release, f"csanmt:{release}", force="chaos")
            promote(self.opened(), release, PromotionPlan())

    def lost(self) -> list[Answer]:
        """Requests without an answer that no killed process had in its hands."""
        return [
            answer
            for answer in self.load.lost()
            if not any(
                begun <= answer.ended and answer.began <= ended for begun, ended in self._spent
            )
        ]

    # -- parts ---------------------------------------------------------------------------------

    def _did(self, words: str) -> None:
        self.steps.append(f"{time.monotonic():.1f} {words}")

    def _another(self) -> str:
        return self._random.choice(self.releases)

    def _command(self, words: str, action: Callable[[], object]) -> None:
        """Run a command as a process of its own, which may be killed at any moment."""
        child = _fork(action)
        if self._random.random() < 0.4:
            wait = self._random.uniform(0.0, 1.0)
            self._did(f"{words}, killed after {wait:.2f} s")
            time.sleep(wait)
            number = self._random.choice((signal.SIGKILL, signal.SIGHUP))
            os.kill(child, number)
        else:
            self._did(words)
        os.waitpid(child, 0)

    def _forgiving(self, words: str) -> _Forgiving:
        self._did(words)
        return _Forgiving(self._spent)

    def _must_serve(self, release: str, moment: float) -> None:
        """Users are answered by ``release``, under its name."""
        wanted, end = self.models[release], moment + SETTLED_SECONDS
        while self.load.versions(since=time.monotonic() - 0.3)[wanted] < 3:
            assert time.monotonic() < end, (release, self.steps)
            time.sleep(0.05)


@dataclass
class _Forgiving:
    """A time in which requests may be lost with the process that is killed."""

    spent: list[tuple[float, float]]
    began: float = 0.0

    def __enter__(self) -> None:
        self.began = time.monotonic()

    def __exit__(self, *_: object) -> None:
        self.spent.append((self.began, time.monotonic()))


def _fork(action: Callable[[], object]) -> int:
    child = os.fork()
    if child:
        return child
    os.setsid()
    try:
        action()
    except BaseException:
        os._exit(1)
    os._exit(0)


HEAD = ("seed", "steps", "rollbacks that moved traffic", "requests",
        "lost with a killed process", "lost otherwise", "mislabelled")  # fmt: skip


def row(walk: Walk) -> str:
    """A walk as a line of the record's table."""
    lost = len(walk.lost())
    cells = (
        walk.seed, len(walk.steps), walk.returned, len(walk.load.answers),
        len(walk.load.lost()) - lost, lost, len(walk.load.mislabelled()),
    )  # fmt: skip
    return f"| {' | '.join(map(str, cells))} |"


def walk_on_bentos(seeds: Sequence[int], steps: int) -> None:
    """Walk on one site of real bentos, seed after seed, and print each walk's line."""
    from tests.e2e.real_site import real_site

    with tempfile.TemporaryDirectory() as folder, real_site(Path(folder)) as (opened, models):
        settings = opened().home / SETTINGS
        written = settings.read_bytes()
        for seed in seeds:
            settings.write_bytes(written)  # somebody mends what people wrote
            apply_settings(opened())
            listen = opened().router.settings.listen
            with Load(listen, clients=16, timeout=120, per_second=40) as load:
                walk = Walk(opened, list(models), models, seed, load, orphan_seconds=30.0)
                try:
                    for _ in range(steps):
                        walk.step()
                        walk.settle()
                        walk.restore()
                except BaseException:
                    errors = opened().router.directory / "error.log"
                    print(seed, *walk.steps, *errors.read_text().splitlines()[-40:], sep="\n")
                    raise
            assert not walk.lost(), (walk.steps, walk.lost()[:3])
            assert not load.mislabelled(), walk.steps
            print(row(walk), flush=True)


def main() -> None:
    """``make chaos``: walk on real bentos, on several sites at once, and write the table."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument(
        "--sites", type=int, default=2, help="walks at once: most of one is waiting"
    )
    parser.add_argument("--out", type=Path, default=Path("docs/records/chaos.md"))
    args = parser.parse_args()
    seeds = range(args.first, args.first + args.seeds)
    if args.sites == 1:
        walk_on_bentos(seeds, args.steps)
        return
    began = time.monotonic()
    size = -(-len(seeds) // args.sites)
    shares = [seeds[begin : begin + size] for begin in range(0, len(seeds), size)]
    command = [sys.executable, "-m", "tests.release.chaos", "--sites", "1", "--steps", args.steps]
    parts = [
        subprocess.Popen(
            [*map(str, command), "--first", str(share[0]), "--seeds", str(len(share))],
            stdout=subprocess.PIPE,
            text=True,
        )
        for share in shares
    ]
    lines: list[str] = []
    with ThreadPoolExecutor(len(parts)) as pool:
        for said in pool.map(_rows, parts):
            lines += said
    if any(part.wait() for part in parts):
        sys.exit("a walk failed; its words are above")
    lines.sort(key=lambda line: int(line.split()[1]))
    head = (f"| {' | '.join(HEAD)} |", f"|{'---:|' * len(HEAD)}")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(
        "# Chaos on real bentos\n\nWritten by `make chaos`: random walks of operators and mishaps "
        "(`tests/release/chaos.py`) under 16 clients that repeat nothing; after every step one "
        f"`rollback`. {len(lines)} walks took {(time.monotonic() - began) / 60:.0f} minutes.\n\n"
        + "".join(f"{line}\n" for line in (*head, *lines)),
        encoding="utf-8",
    )


def _rows(part: subprocess.Popen[str]) -> list[str]:
    assert part.stdout is not None
    found = []
    for line in part.stdout:
        print(line, end="", flush=True)
        found += [line.rstrip()] if line.startswith("| ") else []
    return found


if __name__ == "__main__":
    main()
