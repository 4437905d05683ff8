"""The container image of a bento: what is installed in it and on what it stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from bentoml.images import Image

# By digest where the release builds it; the variable is the one place to change it.
BASE_IMAGE_VARIABLE = "CSANMT_BASE_IMAGE"
DEFAULT_BASE_IMAGE = "python:3.11-slim"
REQUIREMENTS = "requirements/serving.txt"


def serving_image(environment: Mapping[str, str], root: Path) -> Image:
    """The image's recipe. ``distro="none"``: BentoML adds no compiler to it.

    Args:
        root: the checkout; its ``requirements/serving.txt`` pins every package, so nothing
            is locked again (a lock would write index addresses into the bento).
    """
    image = Image(
        base_image=environment.get(BASE_IMAGE_VARIABLE) or DEFAULT_BASE_IMAGE,
        distro="none",
        python_version="3.11",
        lock_python_packages=False,
    )
    requirements = root / REQUIREMENTS
    return image.requirements_file(str(requirements)) if requirements.is_file() else image
