"""Every error this product raises on purpose, in one tree.

::

    CsanmtError                 1   a bug, or what none of the others says
    ├── InvalidInputError       2   a value that the user gave
    │   └── ConfigurationError  2   a key of a configuration
    ├── CheckpointError         3   weights that are damaged or do not fit
    ├── IntegrityError          3   bytes that are not those recorded
    ├── NotFoundError           4
    ├── ConflictError           5   would overwrite or remove what must stay
    ├── StorageError            6   the disk
    ├── EngineUnavailableError  7   a part that is not installed or cannot run here
    ├── OverloadedError         8   later
    ├── UnavailableError        8   not ready
    ├── DeadlineExceededError   9
    └── CancelledError        130   the caller went away

The number is the exit status of the command line. ``code`` is for machines. HTTP's statuses are
``serving.http.errors``'s. Anything outside this tree is a bug and may show a traceback.
"""

from __future__ import annotations


class CsanmtError(Exception):
    """Root of the tree. ``str(error)`` is a sentence a stranger can act on."""

    exit_code = 1
    code = "internal"


class InvalidInputError(CsanmtError):
    """A value the user gave is not acceptable (text, option, path, tag)."""

    exit_code = 2
    code = "invalid_input"


class ConfigurationError(InvalidInputError):
    """A configuration key is missing, unknown or has a value that is not allowed."""

    code = "invalid_configuration"


class CheckpointError(CsanmtError):
    """A checkpoint is damaged, incomplete or disagrees with its configuration."""

    exit_code = 3
    code = "bad_checkpoint"


class IntegrityError(CsanmtError):
    """A stored file's bytes do not match the recorded digest or checksum."""

    exit_code = 3
    code = "integrity"


class NotFoundError(CsanmtError):
    """A model version, bento or file that was named does not exist."""

    exit_code = 4
    code = "not_found"


class ConflictError(CsanmtError):
    """The operation would overwrite or remove something that must stay."""

    exit_code = 5
    code = "conflict"


class StorageError(CsanmtError):
    """The disk is full, not writable, or failed."""

    exit_code = 6
    code = "storage"


class StorageFullError(StorageError):
    """The disk has no room for what somebody sent."""

    code = "storage_full"


class EngineUnavailableError(CsanmtError):
    """The requested engine cannot run on this machine or installation."""

    exit_code = 7
    code = "engine_unavailable"


class OverloadedError(CsanmtError):
    """The queue is full; the caller may retry later."""

    exit_code = 8
    code = "overloaded"


class UnavailableError(CsanmtError):
    """The service or a part of it is not ready."""

    exit_code = 8
    code = "unavailable"


class DeadlineExceededError(CsanmtError):
    """The work did not finish within the time allowed."""

    exit_code = 9
    code = "timeout"


class CancelledError(CsanmtError):
    """The caller went away before the translation was finished."""

    exit_code = 130
    code = "cancelled"
