"""How entries of the audit trail are chained."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any


@dataclass(frozen=True)
class Mark:
    """One entry of the trail: its number (0: before the first) and its hash."""

    number: int
    hash: bytes


START = Mark(0, bytes(32))
"""Before the first entry."""


def chained(key: bytes, before: bytes, row: Mapping[str, Any]) -> bytes:
    """Return the hash of an entry.

    Parameters
    ----------
    key : bytes
    before : bytes
        The hash of the entry before; 32 zero bytes for the first.
    row : mapping
        ``number, at, actor, action, target, detail``.
    """
    at = row["at"].astimezone(UTC).isoformat(timespec="microseconds")
    said = [row["number"], at, row["actor"], row["action"], row["target"], row["detail"]]
    plain = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hmac.new(key, before + plain.encode("utf-8"), hashlib.sha256).digest()
