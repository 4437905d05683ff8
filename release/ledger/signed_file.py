"""A file that somebody signed off: a detached OpenSSH signature beside it.

``ssh-keygen -Y`` makes and checks it: the keys are those people have already, on disk, in
an agent or on a token, and who may sign is a text file (``ssh-keygen(1)``, ALLOWED SIGNERS)
that is committed and reviewed like everything else.
"""

from __future__ import annotations

from pathlib import Path

from csanmt.errors import IntegrityError, NotFoundError
from release.running.command import CommandError, run_command

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
    named = ["-n", NAMESPACE, "-s", str(signature)]
    _ask(["check-novalidate", *named], path, "it was changed after signing")
    if signers is None:
        return "signed, by whom is not checked"
    if not signers.is_file():
        raise NotFoundError(f"no file of allowed signers {signers}")
    stranger = f"it was signed by a key that {signers} does not allow"
    allowed = ["-f", str(signers)]
    found = _ask(["find-principals", "-s", str(signature), *allowed], path, stranger)
    name = found.splitlines()[0]
    _ask(["verify", "-I", name, *named, *allowed], path, stranger)
    return f"signed by {name}"


def _ask(words: list[str], path: Path, refusal: str) -> str:
    """Standard output of ``ssh-keygen -Y`` with the file on its standard input."""
    try:
        with path.open("rb") as file:
            return run_command([TOOL, "-Y", *words], stdin=file, timeout=TIMEOUT)
    except CommandError as error:
        raise IntegrityError(f"{path}: {refusal} ({error})") from None
