"""Whether the server can do its work: each thing that it needs is really used once."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from functools import cache
from typing import Literal
from uuid import uuid4

import numpy as np
from sqlalchemy import text

from sightline.analysis.document import FrameFindings
from sightline.api.base import now
from sightline.api.health import Check, Readiness
from sightline.core.boxes import iou
from sightline.core.errors import QueueFullError, StoreUnavailableError
from sightline.core.frame import Image
from sightline.media.images import encode_image
from sightline.server.workers import Workers
from sightline.store.blobs import BlobStore, digest_of
from sightline.store.database import Database

logger = logging.getLogger(__name__)

KEPT_S = 10.0
_DATABASE_S, _STORE_S, _INFERENCE_S = 5.0, 10.0, 30.0
_SIDE_PX, _CENTRE_XY, _RADIUS_PX, _LETTER_PX = 256, (128, 104), 72, 4
_LETTERS = (
    "01110 10001 10000 01110 00001 10001 01110",
    "11111 00100 00100 00100 00100 00100 00100",
    "01110 10001 10001 10001 10001 10001 01110",
    "11110 10001 10001 11110 10000 10000 10000",
)
_WHITE, _RED = (245, 245, 245), (190, 25, 35)
_LEAST_SCORE, _LEAST_IOU = 0.5, 0.85  # the default net gives 0.70 and 0.96

Name = Literal["database", "media_store", "inference"]
_WRONG: dict[Name, str] = {
    "database": "the database does not answer; the server's log says why",
    "media_store": "the media store does not keep and give back files; the server's log says why",
    "inference": "a net did not find what is known to be in a picture (sightline models fetch?); the server's log says why",
}
"""Open to all, so without addresses and names."""


class ReadinessChecks:
    """Checks database, media store and inference, at most once in ten seconds however often it is asked.

    Parameters
    ----------
    database : Database
    blobs : BlobStore
    workers : Workers
    kept_s : float
        How long an answer is good.
    """

    def __init__(self, database: Database, blobs: BlobStore, workers: Workers, *, kept_s: float = KEPT_S) -> None:
        self._database, self._blobs, self._workers, self._kept_s = database, blobs, workers, kept_s
        self._lock = asyncio.Lock()
        self._known: tuple[float, Readiness] | None = None
        self._inferred_s: float | None = None

    async def ask(self) -> Readiness:
        """Return whether all is well; those who ask at the same time get the same answer."""
        async with self._lock:
            if self._known is None or time.monotonic() > self._known[0] + self._kept_s:
                checks = await asyncio.gather(
                    _check("database", self._ask_database, _DATABASE_S),
                    _check("media_store", self._ask_store, _STORE_S),
                    _check("inference", self._infer, _INFERENCE_S),
                )
                answer = Readiness(ready=all(check.ok for check in checks), checks=list(checks), checked_at=now())
                self._known = (time.monotonic(), answer)
            return self._known[1]

    async def _ask_database(self) -> str | None:
        def ask() -> None:
            with self._database.session() as session:
                session.execute(text("SELECT 1"))

        await asyncio.to_thread(ask)
        return None

    async def _ask_store(self) -> str | None:
        def write_and_read() -> None:
            data = uuid4().bytes
            digest = digest_of(data)
            self._blobs.put_bytes(data, digest)
            try:
                if self._blobs.read(digest) != data:
                    raise StoreUnavailableError("the media store gives back other bytes than were written")
            finally:
                self._blobs.delete(digest)

        await asyncio.to_thread(write_and_read)
        return None

    async def _infer(self) -> str | None:
        try:
            run = self._workers.run("look", lane="interactive", data=known_picture(), options={"only": ["objects"]}, name="test picture")
            found = await run
        except QueueFullError:
            if self._inferred_lately():
                return "not tried: much is waiting for the workers, and a moment ago inference was right"
            raise
        wrong = what_is_wrong(FrameFindings.model_validate(found["findings"]))
        if wrong is not None:
            raise StoreUnavailableError(wrong)
        self._inferred_s = time.monotonic()
        return None

    def _inferred_lately(self) -> bool:
        return self._inferred_s is not None and time.monotonic() < self._inferred_s + 6 * self._kept_s


async def _check(name: Name, work: Callable[[], Awaitable[str | None]], most_s: float) -> Check:
    begun_s = time.perf_counter()
    ok, detail, reason = False, None, ""
    try:
        detail = await asyncio.wait_for(work(), most_s)
        ok = True
    except TimeoutError:
        reason = f"no answer within {most_s:g} s"
    except Exception as error:  # noqa: BLE001 - whatever goes wrong is what is asked for
        reason = f"{type(error).__name__}: {error}"
    if not ok:
        logger.warning("not ready, %s: %s", name, reason)
        detail = _WRONG[name]
    return Check(name=name, ok=ok, took_ms=round((time.perf_counter() - begun_s) * 1000, 1), detail=detail)


def what_is_wrong(found: FrameFindings) -> str | None:
    """Return what is wrong with what was found in the test picture; None when it is right.

    Examples
    --------
    >>> what_is_wrong(FrameFindings(index=0, time_s=0.0, objects=[]))
    'the test picture shows one stop sign; found: nothing'
    """
    x, y = _CENTRE_XY
    drawn = np.array([[x - _RADIUS_PX, y - _RADIUS_PX, x + _RADIUS_PX, y + _RADIUS_PX]], np.float32)
    objects = found.objects or []
    seen = ", ".join(f"{o.label} {o.score:.2f} at {o.box_xyxy}" for o in objects) or "nothing"
    if [o.label for o in objects] != ["stop sign"]:
        return f"the test picture shows one stop sign; found: {seen}"
    overlap = float(iou(np.array([objects[0].box_xyxy], np.float32), drawn)[0, 0])
    if objects[0].score < _LEAST_SCORE or overlap < _LEAST_IOU:
        return f"the test picture's stop sign was found inexactly (overlap {overlap:.2f}): {seen}"
    return None


@cache
def known_picture() -> bytes:
    """Return a drawn stop sign as PNG: 256 px, the sign's box is 56, 32, 200, 176."""
    return encode_image(draw_stop_sign(), "PNG")


def draw_stop_sign() -> Image:
    """Return a stop sign before sky and grass.

    Examples
    --------
    >>> draw_stop_sign().shape
    (256, 256, 3)
    """
    y, x = np.mgrid[0:_SIDE_PX, 0:_SIDE_PX].astype(np.float64)
    centre_x, centre_y = _CENTRE_XY
    image = np.empty((_SIDE_PX, _SIDE_PX, 3), np.uint8)
    image[:] = (150, 190, 225)
    image[y > 200] = (110, 140, 90)
    image[(abs(x - centre_x) < 4) & (y > centre_y)] = (120, 120, 120)
    across, down = abs(x - centre_x), abs(y - centre_y)
    octagon = np.maximum(np.maximum(across, down), (across + down) / np.sqrt(2.0))
    image[octagon < _RADIUS_PX] = _WHITE
    image[octagon < 0.92 * _RADIUS_PX] = _RED
    left = centre_x - 45
    for number, rows in enumerate(_LETTERS):
        bits = np.array([[bit == "1" for bit in row] for row in rows.split()])
        letter = np.kron(bits, np.ones((2 * _LETTER_PX, _LETTER_PX))).astype(bool)
        height, width = letter.shape
        x0, y0 = left + number * (6 * _LETTER_PX + 3), centre_y - height // 2
        image[y0 : y0 + height, x0 : x0 + width][letter] = _WHITE
    return image
