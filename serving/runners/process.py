"""The runner: a process that holds one model and translates the batches it is given.

Started by the gateway as ``python -m serving.runners.process FD`` (see ``serving.runners.wire``).
One batch runs at a time; messages are read meanwhile by a second thread, so that a batch nobody
waits for any more can be cancelled. When the gateway goes away, however it dies, stdin ends and
the runner ends.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from dataclasses import asdict
from typing import Any, BinaryIO

from csanmt.errors import CsanmtError
from serving.logs import configure_logging
from serving.messages import become_child, tell, told
from serving.quality_signals import examined
from serving.runners.translators import engine_fault, open_translator
from serving.runners.wire import dump_translations, load_options, write_mark
from serving.settings import Settings

WARM_UP_SENTENCES = ("你好，世界。", "今天天气很好。")


class RunnerLoop:
    """Reads batches, translates them in order, writes results."""

    def __init__(self, settings: Settings, outgoing: BinaryIO, mark: int) -> None:
        self._settings = settings
        self._outgoing = outgoing
        self._mark = mark
        self._batches: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._cancelled = -1  # batches run one at a time: the last cancelled one is enough

    def run(self) -> int:
        """Load, warm up, announce readiness, serve until stdin ends. Returns an exit code."""
        try:
            self._translator, facts = open_translator(self._settings)
            self._translator.translate(list(WARM_UP_SENTENCES))
        except CsanmtError as error:
            tell(self._outgoing, {"failed": str(error)})
            return error.exit_code
        threading.Thread(target=self._read, name="messages", daemon=True).start()
        tell(self._outgoing, {"ready": asdict(facts)})
        while True:
            self._translate(self._batches.get())

    def _read(self) -> None:
        try:
            for message in told(sys.stdin.buffer):
                if "cancel" in message:
                    self._cancelled = message["cancel"]
                else:
                    self._batches.put(message)
        finally:
            os._exit(0)  # the gateway is gone: no one is left to answer to

    def _translate(self, message: dict[str, Any]) -> None:
        batch = message["batch"]
        write_mark(self._mark, batch)
        started = time.monotonic()
        try:
            translations = self._translator.translate(
                message["sources"],
                load_options(message["options"]),
                should_stop=lambda: batch == self._cancelled,
            )
            reply: dict[str, Any] = {"translations": dump_translations(examined(translations))}
        except CsanmtError as error:
            reply = {"error": {"code": error.code, "message": str(error)}}
        except Exception as error:  # a bug below: the batch fails, the runner lives
            reply = {"error": {"code": "internal", "message": str(engine_fault(error))}}
        tell(self._outgoing, {"batch": batch, "seconds": time.monotonic() - started, **reply})


def main() -> int:
    """Entry point of the runner process: settings from its environment, the descriptor of the
    file for its mark as its argument."""
    outgoing = become_child()
    settings = Settings.from_environment(os.environ)
    configure_logging(settings.log_format, settings.model)
    return RunnerLoop(settings, outgoing, int(sys.argv[1])).run()


if __name__ == "__main__":
    sys.exit(main())
