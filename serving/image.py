"""The container image of a bento: what is installed in it and on what it stands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from bentoml.exceptions import BentoMLException
from bentoml.images import Image

# By digest where the release builds it; the variable is the one place to change it.
BASE_IMAGE_VARIABLE = "CSANMT_BASE_IMAGE"
DEFAULT_BASE_IMAGE = "python:3.11-slim"
REQUIREMENTS = "requirements/serving.txt"
WHEELS = "wheels"  # what the release builds itself: the engine


class CheckoutImage(Image):
    """Of a checkout, which serves but lacks what an image installs."""

    def freeze(self, *_: Any, **__: Any) -> NoReturn:
        """Called by ``bentoml build``. Raises BentoMLException."""
        raise BentoMLException(
            "a bento built here could not start elsewhere: a checkout holds neither the wheel of "
            "the engine nor the list of packages that its image installs. Build with "
            "'make build VERSION=vX.Y.Z' (docs/release.md), which adds both."
        )


def serving_image(environment: Mapping[str, str], root: Path) -> Image:
    """The image's recipe. ``distro="none"``: BentoML adds no compiler to it.

    Args:
        root: the tree a release stages; its ``requirements/serving.txt`` pins every package,
            so nothing is locked again (a lock would write index addresses into the bento).
            A checkout has neither that file nor ``wheels/``, so no bento is built of it.
    """
    requirements = root / REQUIREMENTS
    kind = Image if requirements.is_file() else CheckoutImage
    image = kind(
        base_image=environment.get(BASE_IMAGE_VARIABLE) or DEFAULT_BASE_IMAGE,
        distro="none",
        python_version="3.11",
        lock_python_packages=False,
    )
    if requirements.is_file():
        # requirements_file() takes no absolute path, and the working folder is not ours.
        image.python_packages(*requirements.read_text(encoding="utf-8").splitlines())
    if (root / WHEELS).is_dir():
        image.build_include(WHEELS)  # there before the packages are installed
    return image
