"""Is that process still the one we started?"""

from __future__ import annotations

from pathlib import Path


def birth(pid: int) -> str:
    """Start time in clock ticks since boot; empty for a process that is gone or a zombie.

    A pid alone may have been given to another process since; pid and birth together may not.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()  # the name before may hold anything
    return "" if fields[0] in "ZX" else fields[19]


def alive(pid: int) -> bool:
    return bool(birth(pid))
