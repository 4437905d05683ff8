"""A file that somebody signed off: a detached OpenSSH signature beside it.

``ssh-keygen -Y`` makes and checks it: the keys are those people have already, on disk, in
an agent or on a token, and who may sign is a text file (``ssh-keygen(1)``, ALLOWED SIGNERS)
that is committed and reviewed like everything else.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from csanmt.errors import EngineUnavailableError, IntegrityError, NotFoundError
from release.running.command import run_command

NAMESPACE = "csanmt-evidence"  # what a signature is for: one made for another purpose does not pass
SUFFIX = ".sig"
TOOL = "ssh-keygen"
TIMEOUT = 120.0  # seconds; a token may have to be touched


def signature_of(path: Path) -> Path:
    """Where the signature of a file lies."""
    return path.with_name(path.name + SUFFIX)


def sign_file(path: Path, key: Path) -> Path:
    """Sign a file and return the signature's path; an older signature is replaced.

    Args:
        key: a private key, or a public one whose private half an agent holds.

    Raises:
        NotFoundError: there is no such file or key.
        EngineUnavailableError: OpenSSH is not installed.
        CommandError: the key cannot sign.
    """
    for wanted, what in ((path, "file"), (key, "signing key")):
        if not wanted.is_file():
            raise NotFoundError(f"no {what} {wanted}")
    target = signature_of(path)
    target.unlink(missing_ok=True)  # ssh-keygen would ask
    run_command(
        [TOOL, "-Y", "sign", "-q", "-f", str(key), "-n", NAMESPACE, str(path)], timeout=TIMEOUT
    )
    return target


def verify_file(path: Path, signers: Path | None) -> str:
    """Check a file's signature and say who signed; empty if nobody did or is required to.

    Args:
        signers: OpenSSH's file of allowed signers, one of whom must have signed; None: a
            signature that is there must fit the file, whoever made it.

    Raises:
        NotFoundError: ``signers`` does not exist.
        IntegrityError: it is not signed and must be, was changed after it was signed, or
            was signed by somebody else.
        EngineUnavailableError: OpenSSH is not installed.
    """
    signature = signature_of(path)
    if not signature.is_file():
        if signers is None:
            return ""
        raise IntegrityError(f"{path} is not signed; one of {signers} must sign it")
    data = path.read_bytes()
    _ask(["check-novalidate", "-s", str(signature)], data, path, "it was changed after signing")
    if signers is None:
        return "signed, by whom is not checked"
    if not signers.is_file():
        raise NotFoundError(f"no file of allowed signers {signers}")
    stranger = f"it was signed by a key that {signers} does not allow"
    name = _ask(["find-principals", "-s", str(signature), "-f", str(signers)], b"", path, stranger)
    name = name.splitlines()[0]
    arguments = ["verify", "-f", str(signers), "-I", name, "-s", str(signature)]
    _ask(arguments, data, path, stranger)
    return f"signed by {name}"


def _ask(arguments: list[str], data: bytes, path: Path, refusal: str) -> str:
    """Standard output of ``ssh-keygen -Y`` with ``data`` on its standard input."""
    namespace = [] if arguments[0] == "find-principals" else ["-n", NAMESPACE]
    try:
        done = subprocess.run(
            [TOOL, "-Y", *arguments, *namespace],
            input=data,
            capture_output=True,
            timeout=TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        raise EngineUnavailableError(f"{TOOL} (OpenSSH) is not installed") from None
    if done.returncode != 0:
        words = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise IntegrityError(f"{path}: {refusal} ({words[0]})")
    return done.stdout.decode(errors="replace")
