"""COMET in a process, and mostly an environment, of its own.

A script, not a module: it imports COMET and nothing of ours, since COMET's requirements
(numpy 1, transformers 4) exclude ours. It lies in a folder of its own because Python looks
for modules beside a script first, and ours need not be what COMET's dependencies mean by
the same names. It is told the model's name as its argument,
answers ``{"version"}`` when the model is loaded, then one line for each line: from
``[{"src", "mt", "ref"}, …]`` to ``{"scores": […]}``. What goes wrong is
``{"error"}``. Everything COMET prints goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any


def main(name: str) -> int:
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(**value: Any) -> None:
        out.write(json.dumps(value) + "\n")
        out.flush()

    try:
        import comet

        path = name if name.endswith(".ckpt") else comet.download_model(name)
        model = comet.load_from_checkpoint(path)
    except Exception as error:  # anything at all is a reason to tell
        say(error=f"{type(error).__name__}: {error}")
        return 1
    say(version=comet.__version__)
    for line in sys.stdin:
        try:
            # gpus=0: one machine's processors, and no worker processes of torch's loader.
            found = model.predict(json.loads(line), batch_size=16, gpus=0, progress_bar=False)
            say(scores=[float(score) for score in found.scores])
        except Exception as error:
            say(error=f"{type(error).__name__}: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
