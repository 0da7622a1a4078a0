"""A process that keeps and deletes media and is killed (SIGKILL) after a step: `python -m tests.store.killed DATABASE MEDIA_URL DATA`.

Reads lines of JSON: what to do and after which step, counted from 0, to die (null: live). Each line is done in a process of its own,
forked from this one, which has loaded everything. Answers with the steps that were done and whether it was killed.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from sightline.store.blobs import open_blobs
from sightline.store.blobs.local import LocalBlobs
from sightline.store.blobs.s3 import S3Blobs
from sightline.store.database import Database
from sightline.store.media import MediaCatalogue
from sightline.store.tables import AnalysisRow, SegmentRow

FACTS = {"kind": "picture", "format": "JPEG", "content_type": "image/jpeg", "size_wh": [4, 3], "taken_at": None}


def main() -> None:
    database_url, media_url, data = sys.argv[1:]
    open_blobs(media_url or None, Path(data))  # loads boto3 once, here
    for line in sys.stdin:
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            work(json.loads(line), database_url, media_url, Path(data), write)
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as steps:
            done = steps.read().splitlines()
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        sys.stdout.write(json.dumps({"steps": done, "killed": killed, "status": status}) + "\n")
        sys.stdout.flush()


def work(order: dict[str, Any], database_url: str, media_url: str, data: Path, write: int) -> None:
    count = 0

    def between(step: str) -> None:
        nonlocal count
        os.write(write, f"{step}\n".encode())
        if count == order["die_after"]:
            os.kill(os.getpid(), signal.SIGKILL)
        count += 1

    blobs = S3Blobs(media_url, data / "cache", part=5 << 20, between=between) if media_url else LocalBlobs(data / "media", between=between)
    catalogue = MediaCatalogue(Database(database_url, pool_size=1), blobs, between=between)
    if order["do"] == "add":
        catalogue.add(Path(order["path"]), FACTS, name="a.jpg", added_by="mira")
    elif order["do"] == "delete":
        catalogue.delete(UUID(order["media_id"]))
    elif order["do"] == "document":
        with catalogue.keeping(order["text"].encode()) as (session, digest):
            analysis = AnalysisRow(media_id=UUID(order["media_id"]), job_id="j", state="done", options={})
            session.add(analysis)
            session.flush()
            session.add(SegmentRow(analysis_id=analysis.id, number=0, start_s=0, end_s=0, frames=1, digest=digest, took_s=0))
    else:
        raise ValueError(order)


if __name__ == "__main__":
    main()
