"""Telling people: one JSON line in the log, and a webhook if there is one."""

from __future__ import annotations

import json
import logging
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

log = logging.getLogger("csanmt.release")


@dataclass(frozen=True, slots=True)
class Alert:
    """``url`` receives ``{"text": subject, …detail}`` as JSON, as Slack's webhooks and those
    that follow them (Teams, Mattermost, Rocket.Chat) expect."""

    url: str = ""
    timeout: float = 5.0

    def send(self, subject: str, detail: dict[str, Any]) -> None:
        """Deliver or log the failure; never raises, since a rollback may be under way."""
        body = {"text": subject, **detail}
        log.error(json.dumps({"event": "alert", **body}, ensure_ascii=False, default=str))
        if not self.url:
            return
        request = urllib.request.Request(
            self.url,
            data=json.dumps(body, ensure_ascii=False, default=str).encode(),
            headers={"Content-Type": "application/json"},
        )
        try:
            urllib.request.urlopen(request, timeout=self.timeout).close()
        except (OSError, HTTPException, ValueError) as error:
            log.error(json.dumps({"event": "alert_failed", "error": str(error)}))
