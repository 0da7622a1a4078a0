"""Messages of the live socket.

Up: first one `LiveHello` (text), then binary messages: 8 bytes, the client's send time in milliseconds as a little-endian
float64, followed by one JPEG. Down: one `LiveAnswer` (text) a frame that was looked at. Of the frames that arrive while one
is looked at, only the newest is kept.

The socket of a camera sends nothing up. Down: `LiveStatus` (text) whenever the camera comes or goes, `LiveReady` (text) with
the size of the pictures before the first one, and then pairs: one JPEG (binary), and right after it what is in it, as
`LiveAnswer` (text) or `LiveProblem` (text).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sightline.analysis.document import FrameFindings, Kind
from sightline.api.base import Body


class LiveHello(Body):
    """The first message up."""

    only: list[Kind] = Field(default=["faces", "bodies", "hands", "objects"], min_length=1)
    landmarks: bool = Field(default=False, description="Send face meshes and metres too: about 30 kB more a face and frame.")


class LiveReady(Body):
    """The first message down."""

    type: Literal["ready"] = "ready"
    width: int | None = Field(default=None, description="Cameras: of the pictures that follow.")
    height: int | None = None


class LiveAnswer(Body):
    """What is in one frame."""

    type: Literal["frame"] = "frame"
    index: int = Field(description="Number of the frame among those received.")
    sent_ms: float = Field(description="The client's own time stamp, given back.")
    size_wh: tuple[int, int]
    findings: FrameFindings
    latency_ms: float = Field(description="From receipt to this answer.")
    look_ms: float = Field(description="Of that, decoding and looking.")
    dropped: int = Field(description="Frames passed over so far because newer ones came.")
    frames_per_s: float = Field(description="Answers a second, over the last two seconds.")


class LiveProblem(Body):
    """A message or frame that could not be used; the socket stays open, but after a wrong hello."""

    type: Literal["problem"] = "problem"
    index: int
    detail: str


class LiveStatus(Body):
    """Cameras: whether pictures come."""

    type: Literal["status"] = "status"
    state: Literal["connecting", "live", "lost"] = Field(description="lost: it is tried again, the socket stays open.")
    detail: str | None = Field(default=None, description="Why it was lost.")
