"""Versions of translation models, kept in BentoML's own model store.

>>> store = ModelStore.from_environment()
>>> store.save("build/model", "csanmt-zh-en:v1.0.0", labels={"stage": "candidate"})
>>> directory = store.open("csanmt-zh-en:v1.0.0")      # checked, ready for csanmt.load
"""

from __future__ import annotations

from model_store.provenance import Record
from model_store.shipped import DEFAULT_TAG, ensure_default
from model_store.store import ModelStore
from model_store.tags import ModelTag

__all__ = ["DEFAULT_TAG", "ModelStore", "ModelTag", "Record", "ensure_default"]
