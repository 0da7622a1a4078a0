"""The audit trail."""

from __future__ import annotations

import threading
from typing import Annotated

from fastapi import APIRouter, Query

from sightline.api.accounts import Permission
from sightline.api.audit import AuditEntry, AuditVerdict
from sightline.api.base import Cursor, Page
from sightline.core.errors import QueueFullError
from sightline.server.rights import Principal, require
from sightline.server.services import Wired

router = APIRouter(prefix="/audit", tags=["audit"])
Reader = Annotated[Principal, require(Permission.AUDIT_READ)]

_verifying = threading.Lock()


@router.get("")
def list_entries(
    services: Wired,
    who: Reader,
    cursor: Cursor | None = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    actor: Annotated[str | None, Query(max_length=300, description="User, or key:USER/NAME.")] = None,
    action: Annotated[str | None, Query(max_length=100, description="Such as media.read; with a dot at its end all that begin so.")] = None,
) -> Page[AuditEntry]:
    """List entries, newest first."""
    return services.audit.page(cursor=cursor, limit=limit, actor=actor, action=action)


@router.get("/verify")
def verify(services: Wired, who: Reader) -> AuditVerdict:
    """Read the whole trail and tell whether any entry was changed, removed, added or moved."""
    if not _verifying.acquire(blocking=False):
        raise QueueFullError("the trail is being read already", retry_after_s=5)
    try:
        verdict = services.audit.verify()
    finally:
        _verifying.release()
    services.audit.write(who.name, "audit.verify", intact=verdict.intact, entries=verdict.entries)
    return verdict
