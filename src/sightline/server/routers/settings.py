"""Settings, and what runs where."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter

import sightline
from sightline.api.accounts import Permission
from sightline.api.settings import ServerInfo, Settings
from sightline.server.config import ServerConfig
from sightline.server.rights import Principal, require
from sightline.server.services import Services, Wired
from sightline.store.database import NO_VECTORS

router = APIRouter(tags=["settings"])
Reader = Annotated[Principal, require(Permission.SETTINGS_READ)]
Writer = Annotated[Principal, require(Permission.SETTINGS_WRITE)]

_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@router.get("/settings")
def read_settings(services: Wired, who: Reader) -> Settings:
    """Tell the settings."""
    return services.settings.get()


@router.put("/settings")
def write_settings(body: Settings, services: Wired, who: Writer) -> Settings:
    """Change the settings; they count at once for what comes in from now on."""
    before = services.settings.get().model_dump(mode="json")
    after = services.settings.put(body)
    changed = {key: value for key, value in after.model_dump(mode="json").items() if before[key] != value}
    if "retention_days" in changed:
        services.retention.keep_uploads_for(after.retention_days)
    services.audit.write(who.name, "settings.change", **changed)
    return after


@router.get("/info")
def server_info(services: Wired, who: Reader) -> ServerInfo:
    """Tell what runs where, and what an administrator should look after."""
    config = services.config
    vectors = services.database.has_vectors()
    return ServerInfo(
        version=sightline.__version__,
        database="embedded" if services.database.is_embedded else services.database.url.host or "local socket",
        vectors=vectors,
        media_store=_media_store(config),
        workers=config.interactive_workers + config.batch_workers,
        problems=_problems(services, vectors),
    )


def _media_store(config: ServerConfig) -> str:
    if config.media_url is None:
        return "local folder"
    parts = urlsplit(config.media_url)
    return f"{parts.scheme}://{parts.hostname or ''}{parts.path}"


def _problems(services: Services, vectors: bool) -> list[str]:
    config = services.config
    found = services.audit.doubts()
    if not vectors:
        found.append(NO_VECTORS)
    if not config.https and config.host not in _LOOPBACK:
        found.append("other machines reach this server without encryption; put it behind a proxy with https and start it with --https")
    return found
