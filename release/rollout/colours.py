"""What was put on blue and on green: one record a colour, a note beside what is observed."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from csanmt.durable import replace_text
from csanmt.errors import ConfigurationError, IntegrityError
from csanmt.tables import from_json
from release.rollout.traffic import Colour


@dataclass(frozen=True, slots=True)
class Deployment:
    """One version put on one colour.

    Attributes:
        release: image tag, ``v1.2.0-abc1234``.
        bento: tag in the bento store, or the image's name for a container.
        model: model tag that it said it serves when it became ready.
        digest: digest of the model, as it said.
        kind: ``process`` or ``container``.
        handle: process id and birth, or container id.
        address: ``host:port`` of the service.
        started_at: UTC, ISO 8601.
        ending: it is being stopped for another one, and is no way back any more.
        served: it once had all the traffic; None where that was not noted.
    """

    colour: Colour
    release: str
    bento: str
    kind: str
    handle: str
    address: str
    started_at: str
    model: str = ""
    digest: str = ""
    ending: bool = False
    served: bool | None = None

    @property
    def url(self) -> str:
        return f"http://{self.address}"


class Colours:
    """The two records, JSON files under ``directory``, each replaced by rename."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def get(self, colour: Colour) -> Deployment | None:
        """What was deployed on ``colour``, or None. Fields of newer versions are passed over.

        Raises:
            IntegrityError: the record is not readable.
        """
        path = self._path(colour)
        try:
            record = from_json(Deployment, path.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ConfigurationError) as error:
            raise IntegrityError(f"{path} cannot be read ({error}) and is ignored") from None
        if record.colour != colour:
            raise IntegrityError(f"{path} is the record of {record.colour} and is ignored")
        return record

    def known(self, colour: Colour) -> Deployment | None:
        """What was deployed on ``colour``, or None: also where the record is not readable."""
        try:
            return self.get(colour)
        except IntegrityError:
            return None

    def put(self, deployment: Deployment) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        text = json.dumps(asdict(deployment), indent=2) + "\n"
        replace_text(self._path(deployment.colour), text)

    def clear(self, colour: Colour) -> None:
        self._path(colour).unlink(missing_ok=True)

    def _path(self, colour: Colour) -> Path:
        return self.directory / f"{colour}.json"
