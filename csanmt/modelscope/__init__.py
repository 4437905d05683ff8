"""Import of ModelScope's CSANMT directories (TensorFlow checkpoints) without TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from csanmt.modelscope.conversion import ConversionReport, convert

__all__ = ["ConversionReport", "convert"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from csanmt.modelscope import conversion

        return getattr(conversion, name)
    raise AttributeError(f"module 'csanmt.modelscope' has no attribute {name!r}")
