"""``csanmt serve``: check what can be checked, then let BentoML serve ``service.py``."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from dataclasses import fields

from cli.output import note
from csanmt.errors import ConfigurationError, ConflictError, NotFoundError
from csanmt.source_tree import SOURCE_TREE
from csanmt.version import DEFAULT_TAG
from serving.settings import Settings, is_loopback

# Longer than clients and proxies keep a connection idle (nginx: 60 s). With uvicorn's 5 s a
# request that is sent just when the server gives a connection up is lost.
KEEP_ALIVE_SECONDS = 75

DESCRIPTION = """\
Serve translations over HTTP: the page at /, the API at /translate, its
documentation at /docs. The default model goes into the store on first use.
Every option can also be given in the environment; an option wins.

Without API keys only this machine can be served. To serve others, set
CSANMT_API_KEYS_FILE ('csanmt keys' makes a key), or CSANMT_PRIVATE_NETWORK=1
if everyone who can reach the address may use it. Behind a proxy on this machine set
CSANMT_TRUST_PROXY=1: its X-Forwarded-For says who asks, and its names are answered.
"""

# option: (environment variable, help)
OPTIONS = {
    "host": ("CSANMT_HOST", "address to listen on (127.0.0.1)"),
    "port": ("CSANMT_PORT", "port to listen on (3000)"),
    "model": ("CSANMT_MODEL", f"model version in the store ({DEFAULT_TAG})"),
    "workers": ("CSANMT_WORKERS", "runner processes; 0 is one per processor (0)"),
    "engine": ("CSANMT_ENGINE", "auto, native or torch (auto)"),
    "isa": ("CSANMT_ISA", "instruction set of the native engine (the best there is)"),
    "api-keys-file": ("CSANMT_API_KEYS_FILE", "JSON file of API keys (keys are off)"),
    "log-format": ("CSANMT_LOG_FORMAT", "json or text (text in a terminal, else json)"),
}


def register(parser: argparse.ArgumentParser) -> None:
    parser.description = DESCRIPTION
    parser.epilog = _environment_help()
    for option, (variable, summary) in OPTIONS.items():
        parser.add_argument(f"--{option}", metavar="X", help=f"{summary} [{variable}]")
    parser.add_argument(
        "--check", action="store_true", help="check everything, serve nothing, exit with the result"
    )
    parser.add_argument("--json", action="store_true", help="errors as JSON too")
    parser.set_defaults(run=run)


def _environment_help() -> str:
    shown = {variable for variable, _ in OPTIONS.values()}
    knobs = [(k.metadata["environment"], k.default) for k in fields(Settings)]
    lines = [f"  {name:28} {default}" for name, default in knobs if name not in shown]
    return "more knobs, in the environment only, with their defaults:\n" + "\n".join(lines)


def run(args: argparse.Namespace) -> int:
    """Replace this process by the server; returns only with ``--check``."""
    environment = _environment(args)
    settings = Settings.from_environment(environment)
    _check_safety(settings)
    _put_model(settings, environment)
    _check_port(settings)
    if args.check:
        note("ready to serve")
        return 0
    shown = f"[{settings.host}]" if ":" in settings.host else settings.host
    note(f"serving {settings.model} at http://{shown}:{settings.port}/ (Ctrl-C stops)")
    _start(settings, environment)
    return 0


def _environment(args: argparse.Namespace) -> dict[str, str]:
    environment = dict(os.environ)
    for option, (variable, _) in OPTIONS.items():
        value = getattr(args, option.replace("-", "_"))
        if value is not None:
            environment[variable] = value
    if sys.stderr.isatty():
        environment.setdefault("CSANMT_LOG_FORMAT", "text")
    from model_store.home import store_home

    environment["BENTOML_HOME"] = str(store_home(environment))
    environment["BENTOML_DO_NOT_TRACK"] = "true"
    return environment


def _check_safety(settings: Settings) -> None:
    """What the service would refuse at every request is refused here, once and at once."""
    if not (SOURCE_TREE / "service.py").is_file():
        raise NotFoundError(
            f"no service.py in {str(SOURCE_TREE)!r}: 'csanmt serve' needs the source tree"
        )
    if settings.api_keys_file:
        from serving.http.keys import KeyRing

        KeyRing.load(settings.api_keys_file)
    elif not is_loopback(settings.host) and not settings.private_network:
        raise ConfigurationError(
            f"host is {settings.host}, which others can reach, and API keys are off: set "
            "CSANMT_API_KEYS_FILE, or CSANMT_PRIVATE_NETWORK=1 if everyone there may use it"
        )


def _put_model(settings: Settings, environment: dict[str, str]) -> None:
    """See that the model is in the store and undamaged (sizes and small files' digests)."""
    if settings.translator or settings.model_directory:
        return
    from model_store.shipped import ensure_default
    from model_store.store import ModelStore

    store = ModelStore.from_environment(
        environment, on_wait=lambda: note("waiting for another writer")
    )
    if settings.model == DEFAULT_TAG:
        ensure_default(store)
    store.open(settings.model)


def _check_port(settings: Settings) -> None:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            raise ConflictError(
                f"cannot listen on {settings.host}, port {settings.port}: "
                f"{(error.strerror or str(error)).lower()}; choose another with --port"
            ) from None


def _start(settings: Settings, environment: dict[str, str]) -> None:
    sys.stderr.flush()
    os.chdir(SOURCE_TREE)
    command = [sys.executable, "-m", "bentoml", "serve", "service:CsanmtService"]
    command += ["--host", settings.host, "--port", str(settings.port)]
    command += ["--timeout-keep-alive", str(KEEP_ALIVE_SECONDS)]
    os.execve(sys.executable, command, {**environment, **settings.to_environment()})
