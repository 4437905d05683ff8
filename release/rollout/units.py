"""Text that a machine's own tools read: systemd's units of a site, and logrotate's rule."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template

from csanmt.source_tree import SOURCE_TREE

TEMPLATES = SOURCE_TREE / "deploy" / "systemd"
# Variables by which the commands find store, ledger and site.
PASSED_ON = ("BENTOML_HOME", "CSANMT_LEDGER", "CSANMT_SITE", "XDG_STATE_HOME")


def units(command: Path, home: Path, user: str, environment: Mapping[str, str]) -> dict[str, str]:
    """File name → text.

    Args:
        command: the ``csanmt`` to run.
        home: the site's folder.
        user: whose processes they are.
        environment: where the variables of ``PASSED_ON`` are read from.
    """
    passed = {name: environment[name] for name in PASSED_ON if environment.get(name)}
    passed["CSANMT_SITE"] = str(home)
    lines = "\n".join(f'Environment="{name}={value}"' for name, value in sorted(passed.items()))
    return {
        path.name: Template(path.read_text(encoding="utf-8")).substitute(
            command=command, home=home, user=user, environment=lines
        )
        for path in sorted(TEMPLATES.iterdir())
    }
