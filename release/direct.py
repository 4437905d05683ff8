"""HTTP to this site's own services: always direct, whatever proxy the environment names."""

from __future__ import annotations

import urllib.request

OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
