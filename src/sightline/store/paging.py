"""Cursors: where the next page of a list begins, as text that means nothing to whoever holds it."""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any
from uuid import UUID

from sightline.core.errors import InvalidInputError

_READERS: dict[type, Any] = {datetime: datetime.fromisoformat, UUID: UUID, int: int, float: float, str: str}


def encode_cursor(*values: datetime | UUID | int | float | str) -> str:
    """Return the sort keys of a page's last row as one token.

    Examples
    --------
    >>> decode_cursor(encode_cursor(7, "b"), int, str)
    (7, 'b')
    """
    plain = [v.isoformat() if isinstance(v, datetime) else str(v) if isinstance(v, UUID) else v for v in values]
    return base64.urlsafe_b64encode(json.dumps(plain, separators=(",", ":")).encode()).decode().rstrip("=")


def decode_cursor(cursor: str, *types: type) -> tuple[Any, ...]:
    """Return the sort keys that a cursor holds.

    Parameters
    ----------
    cursor : str
        What `encode_cursor` gave.
    *types : type
        Of each value: datetime, UUID, int, float or str.

    Raises
    ------
    InvalidInputError
        When it is not a cursor of this list.
    """
    try:
        values = json.loads(base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
        if not isinstance(values, list) or any(isinstance(v, list | dict | bool) or v is None for v in values):
            raise ValueError(values)
        decoded = tuple(_READERS[kind](value) for kind, value in zip(types, values, strict=True))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):  # AttributeError: UUID(1)
        raise InvalidInputError("the cursor is not one of this list; ask for the first page without a cursor") from None
    if any(isinstance(v, datetime) and v.tzinfo is None for v in decoded):
        raise InvalidInputError("the cursor is not one of this list; ask for the first page without a cursor")
    return decoded
