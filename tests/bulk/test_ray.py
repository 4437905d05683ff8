"""The same run on a Ray cluster of several processes, one of which is killed: `make test-ray`."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from csanmt.engine.native import is_available
from tests.bulk.corpora import COUNT, csanmt_translate, parts, running, wait_until
from tests.ports import free_ports

ray = pytest.importorskip("ray", reason="Ray is not installed: make test-ray")
pytestmark = [
    pytest.mark.soak,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not is_available(), reason="the native engine is not installed"),
]
# Ray gives its processes 15 to 60 seconds to start; a busy machine needs longer.
PATIENCE = {
    "RAY_agent_register_timeout_ms": "600000",
    "RAY_worker_register_timeout_seconds": "600",
    "RAY_health_check_failure_threshold": "100",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


def node(session: Path) -> dict[str, Any]:
    """A node of one processor that does not wait for its agents to tell their ports: it gives
    up after fixed 15 seconds, in which they cannot start on a busy machine (ray#65983)."""
    names = (
        "metrics_agent_port",
        "metrics_export_port",
        "dashboard_agent_listen_port",
        "runtime_env_agent_port",
    )
    ports = dict(zip(names, free_ports(len(names)), strict=True))
    identity = secrets.token_hex(28)
    told = session / f"dashboard_agent_listen_port_{identity}"
    told.write_text(str(ports["dashboard_agent_listen_port"]))
    variables = {"RAY_OVERRIDE_NODE_ID_FOR_TESTING": identity}
    return {"num_cpus": 1, "env_vars": variables, **ports}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """For all processes of Ray. Each imports jsonschema, which imports rfc3987_syntax if a tool
    of the development set has brought it, which takes seconds to parse a grammar."""
    folder = tmp_path_factory.mktemp("shadow")
    (folder / "rfc3987_syntax.py").write_text("raise ImportError('not needed here')\n")
    return {**PATIENCE, "PYTHONPATH": str(folder)}


@pytest.fixture(scope="module")
def cluster(environment: dict[str, str]) -> Iterator[Any]:
    """Two nodes on this machine, each with processes of its own."""
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        name = f"session_csanmt_{secrets.token_hex(8)}"
        session = Path("/tmp/ray") / name
        session.mkdir(parents=True)
        cluster = Cluster()
        try:
            cluster.add_node(
                wait=False, include_dashboard=False, session_name=name, **node(session)
            )
            cluster.add_node(wait=False, **node(session))
            cluster.wait_for_nodes(300)
            yield cluster
        finally:
            cluster.shutdown()
            shutil.rmtree(session, ignore_errors=True)


def tasks() -> list[int]:
    """Processes that do a task of ours; Ray writes its name into the process's title."""
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit():
            continue
        try:
            title = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if title.startswith(b"ray::") and b"translate_chunk" in title:
            found.append(int(process.name))
    return found


def test_a_killed_task_loses_and_doubles_nothing(
    cluster: Any, environment: dict[str, str], source: Path, expected: bytes, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["--input", source, "--output", out, "--chunk-lines", 10, "--json", "--beam", 4]
    process = csanmt_translate(*words, "--ray", cluster.address, **environment)
    wait_until(lambda: len(parts(out)) >= 3 or process.poll() is not None, seconds=600)
    assert process.poll() is None, process.communicate()
    victim = wait_until(tasks)[0]
    os.kill(victim, signal.SIGKILL)
    wait_until(lambda: not running(victim))
    done = len(parts(out))
    assert done < COUNT // 10
    printed, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    print(err)
    summary = json.loads(printed)
    assert summary["total"]["records"] == COUNT
    assert (out / "zh.txt").read_bytes() == expected


def test_a_killed_command_goes_on_on_the_cluster_and_off_it(
    cluster: Any, environment: dict[str, str], source: Path, expected: bytes, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = ["--input", source, "--output", out, "--chunk-lines", 10, "--json"]
    process = csanmt_translate(*words, "--ray", cluster.address, **environment)
    wait_until(lambda: len(parts(out)) >= 3 or process.poll() is not None, seconds=600)
    process.kill()
    process.communicate()
    done = len(parts(out))
    assert 3 <= done < COUNT // 10
    process = csanmt_translate(*words, "--workers", 2)
    printed, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert json.loads(printed)["resumed"] == 10 * done
    assert (out / "zh.txt").read_bytes() == expected


def test_an_address_without_a_cluster_is_said_so(source: Path, tmp_path: Path) -> None:
    process = csanmt_translate(
        "--input", source, "--output", tmp_path / "out", "--ray", "127.0.0.1:1"
    )
    _, err = process.communicate(timeout=280)
    assert process.returncode == 8, err
    assert "no Ray cluster at '127.0.0.1:1'" in err
