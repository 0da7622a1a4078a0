"""Notes of who looked at what: one for each person and thing in ten minutes, however many requests that takes."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from typing import Any

from sightline.store.audit import AuditTrail

__all__ = ["ReadLog"]

_AGAIN_S = 600.0
_REMEMBERED = 20_000


class ReadLog:
    """Writes ``….read`` entries to the audit trail.

    A film is played by hundreds of requests for ranges of bytes; they are one look at it.

    Parameters
    ----------
    audit : AuditTrail
    again_s : float
        After so long a further look is a new one, seconds.
    """

    def __init__(self, audit: AuditTrail, again_s: float = _AGAIN_S) -> None:
        self._audit, self._again_s = audit, again_s
        self._noted: OrderedDict[tuple[str, str, str | None, str], float] = OrderedDict()
        self._lock = threading.Lock()

    def note(self, actor: str, action: str, target: str | None = None, **detail: Any) -> None:
        """Note that somebody looks at something; call it before it is shown.

        Parameters
        ----------
        actor, action, target, **detail
            As `AuditTrail.write` takes them.

        Raises
        ------
        StoreUnavailableError
            When it cannot be noted; then nothing may be shown.
        """
        key, moment = (actor, action, target, repr(sorted(detail.items()))), time.monotonic()
        with self._lock:
            if moment - self._noted.get(key, float("-inf")) < self._again_s:
                return
        self._audit.write(actor, action, target, **detail)
        with self._lock:
            self._noted[key] = moment
            self._noted.move_to_end(key)
            while len(self._noted) > _REMEMBERED:
                self._noted.popitem(last=False)
