"""``csanmt keys``: make an API key for ``csanmt serve``; only its hash is stored."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from cli.output import add_json_flag, note, print_json
from csanmt.durable import replacing
from csanmt.errors import ConflictError
from serving.http.keys import SCOPES, KeyRing, hash_key, new_key

DESCRIPTION = """\
Add a new API key to a key file and print it, once: the file holds only its hash.
Start the server with CSANMT_API_KEYS_FILE=FILE (or --api-keys-file FILE); clients
send 'Authorization: Bearer KEY'. To take a key back, delete its entry from the
file and restart the server.
"""


def register(parser: argparse.ArgumentParser) -> None:
    parser.description = DESCRIPTION
    parser.add_argument("file", type=Path, help="key file (JSON); made if it does not exist")
    parser.add_argument("name", help="whose key it is; appears in logs and limits")
    parser.add_argument("--scope", action="append", choices=SCOPES, help="default: translate")
    parser.add_argument("--requests-per-minute", type=int, default=0, metavar="N")
    parser.add_argument("--characters-per-day", type=int, default=0, metavar="N")
    add_json_flag(parser)
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the entry and print the key."""
    data: dict[str, Any] = {"keys": []}
    if args.file.exists():
        KeyRing.load(args.file)
        data = json.loads(args.file.read_text(encoding="utf-8"))
    if any(entry["name"] == args.name for entry in data["keys"]):
        raise ConflictError(f"{args.file} has a key named {args.name!r} already")
    secret = new_key()
    entry: dict[str, Any] = {"name": args.name, "sha256": hash_key(secret)}
    entry["scopes"] = args.scope or ["translate"]
    for limit in ("requests_per_minute", "characters_per_day"):
        if getattr(args, limit):
            entry[limit] = getattr(args, limit)
    data["keys"].append(entry)
    with replacing(args.file, mode=0o600) as stream:
        stream.write(json.dumps(data, indent=2).encode() + b"\n")
        stream.flush()
        KeyRing.load(Path(stream.name))  # or the file stays as it was
    if args.json:
        print_json({"name": args.name, "key": secret, "scopes": entry["scopes"]})
    else:
        note(f"added {args.name} to {args.file}; the key is shown only now")
        print(secret)
    return 0
