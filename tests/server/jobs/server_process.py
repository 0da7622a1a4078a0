"""A server without its network part, to be killed: ``python -m tests.server.jobs.server_process URL DATA [FILE]``.

Brings FILE in and begins to look for what the environment variable ONLY names, says so, and works until its standard input ends.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from tests.server.jobs.bench import QUICK, opened


def main() -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    url, data, *files = sys.argv[1:]
    with opened(url, Path(data), segment_s=float(os.environ["SEGMENT_S"])) as bench:
        options = QUICK.model_copy(update={"only": [os.environ["ONLY"]]})
        jobs = [bench.runner.analyse(bench.bring_in(Path(file)).id, options, "mira").job_id for file in files]
        sys.stdout.write(f"ready {' '.join(jobs)}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
