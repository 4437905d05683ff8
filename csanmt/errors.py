"""Every error this product raises on purpose, in one tree.

Each class carries the HTTP status the service answers with, the exit code the
command line ends with, and a short machine-readable code. Anything outside
this tree is a bug and may show a traceback.
"""

from __future__ import annotations


class CsanmtError(Exception):
    """Root of the tree. ``str(error)`` is a sentence a stranger can act on."""

    http_status = 500
    exit_code = 1
    code = "internal"


class InvalidInputError(CsanmtError):
    """A value the user gave is not acceptable (text, option, path, tag)."""

    http_status = 422
    exit_code = 2
    code = "invalid_input"


class ConfigurationError(InvalidInputError):
    """A configuration key is missing, unknown or has a value that is not allowed."""

    code = "invalid_configuration"


class CheckpointError(CsanmtError):
    """A checkpoint is damaged, incomplete or disagrees with its configuration."""

    http_status = 500
    exit_code = 3
    code = "bad_checkpoint"


class IntegrityError(CsanmtError):
    """A stored file's bytes do not match the recorded digest or checksum."""

    exit_code = 3
    code = "integrity"


class NotFoundError(CsanmtError):
    """A model version, bento or file that was named does not exist."""

    http_status = 404
    exit_code = 4
    code = "not_found"


class ConflictError(CsanmtError):
    """The operation would overwrite or remove something that must stay."""

    http_status = 409
    exit_code = 5
    code = "conflict"


class StorageError(CsanmtError):
    """The disk is full, not writable, or failed."""

    exit_code = 6
    code = "storage"


class EngineUnavailableError(CsanmtError):
    """The requested engine cannot run on this machine or installation."""

    exit_code = 7
    code = "engine_unavailable"


class OverloadedError(CsanmtError):
    """The queue is full; the caller may retry later."""

    http_status = 429
    exit_code = 8
    code = "overloaded"


class UnavailableError(CsanmtError):
    """The service or a part of it is not ready."""

    http_status = 503
    exit_code = 8
    code = "unavailable"


class DeadlineExceededError(CsanmtError):
    """The work did not finish within the time allowed."""

    http_status = 504
    exit_code = 9
    code = "timeout"


class CancelledError(CsanmtError):
    """The caller went away before the translation was finished."""

    http_status = 499
    exit_code = 130
    code = "cancelled"
