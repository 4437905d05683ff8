"""Text that a machine's own tools read: systemd's units of a site, and logrotate's rule."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

SITE_UNIT, KEEPER_UNIT = "csanmt-site.service", "csanmt-keeper.service"
LOG_RULE = "csanmt"
PASSED_ON = ("BENTOML_HOME", "CSANMT_LEDGER", "CSANMT_SITE", "XDG_STATE_HOME")
"""Variables by which the commands find store, ledger and site."""


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
    lines = "".join(f'Environment="{name}={value}"\n' for name, value in sorted(passed.items()))
    # One process that is out of memory is not all of them: what died is started again.
    common = f"User={user}\n{lines}OOMPolicy=continue\n"
    return {
        SITE_UNIT: f"""\
[Unit]
Description=CSANMT translation: nginx and the version that served last
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
RemainAfterExit=yes
{common}ExecStart={command} release up
ExecStop={command} release down
TimeoutStartSec=10min
TimeoutStopSec=5min

[Install]
WantedBy=multi-user.target
""",
        KEEPER_UNIT: f"""\
[Unit]
Description=CSANMT translation: carries shipments out and starts again what dies
Wants={SITE_UNIT}
After={SITE_UNIT}

[Service]
{common}ExecStart={command} release keep
Restart=always
RestartSec=2
# What it starts outlives it.
KillMode=process

[Install]
WantedBy=multi-user.target
""",
        LOG_RULE: f"""\
{home}/nginx/access.log {home}/nginx/error.log {home}/colours/*.log {home}/keeper/keeper.log {{
    daily
    maxsize 100M
    rotate 14
    compress
    delaycompress
    missingok
    notifempty
    # nginx and the services go on writing into the same file, and nothing is signalled.
    copytruncate
}}
""",
    }
