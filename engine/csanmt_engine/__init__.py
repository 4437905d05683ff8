"""The native CPU engine of CSANMT; use it through ``csanmt.engine``."""

from __future__ import annotations

from csanmt_engine._native import Cancelled, Engine, FileError, instruction_sets

__version__ = "1.0.0"

__all__ = ["Cancelled", "Engine", "FileError", "instruction_sets"]
