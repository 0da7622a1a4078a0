"""Live sessions of one worker process: each has a follower that remembers what was in the frames before."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from sightline.analysis.findings import Findings
from sightline.analysis.follower import Follower
from sightline.analysis.looker import Looker, Step, untimed
from sightline.core.frame import Frame, Image

MAX_SESSIONS = 40
_LEAST_STEP_S = 1e-3


@dataclass
class _Session:
    looker: Looker
    follower: Follower
    size_wh: tuple[int, int]
    index: int = 0
    time_s: float = -1.0


class Sessions:
    """The sessions; the one that was quiet for longest is forgotten when there are too many."""

    def __init__(self, most: int = MAX_SESSIONS) -> None:
        self._most = most
        self._sessions: OrderedDict[str, _Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def update(self, name: str, image: Image, time_s: float, looker: Looker, step: Step = untimed) -> tuple[int, float, Findings]:
        """Return number, time and findings of the next frame of a session.

        A session begins anew when it is not known (any more), is to look for other things, or its frames change in size. Times that do
        not go forward are moved a little after the frame before.
        """
        size_wh = (image.shape[1], image.shape[0])
        session = self._sessions.pop(name, None)
        if session is None or session.looker is not looker or session.size_wh != size_wh:
            session = _Session(looker, Follower(looker), size_wh, 0 if session is None else session.index)
        self._sessions[name] = session
        if len(self._sessions) > self._most:
            self._sessions.popitem(last=False)
        at_s = max(time_s, session.time_s + _LEAST_STEP_S, 0.0)
        index, session.index, session.time_s = session.index, session.index + 1, at_s
        return index, at_s, session.follower.update(Frame(image, index, at_s), step).findings

    def close(self, name: str) -> None:
        """Forget a session."""
        self._sessions.pop(name, None)
