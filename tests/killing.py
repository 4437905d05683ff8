"""Kill -9 at any step of an action, so that a test can look at what each state left."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Set


def killed_at(step: int, events: Set[str], action: Callable[[], object]) -> bool:
    """Fork, run ``action`` and kill -9 the child just before its ``step``-th step; was it killed?

    Args:
        events: what counts as a step; names of the audit events table of Python.
    """
    child = os.fork()
    if child == 0:
        seen = 0

        def hook(event: str, _arguments: object) -> None:
            nonlocal seen
            if event in events:
                seen += 1
                if seen == step:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            action()
        except BaseException:
            os._exit(1)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if not os.WIFSIGNALED(status):
        assert os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)
