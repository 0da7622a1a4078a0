"""Watched folders, cameras and their zones."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter

from sightline.api.accounts import Permission
from sightline.api.jobs import Job
from sightline.api.records import MediaSource, NewSource, NewZone, SourceChange, Zone
from sightline.core.errors import NotFoundError
from sightline.server.rights import Principal, require
from sightline.server.services import Wired

router = APIRouter(prefix="/sources", tags=["sources"])

Reader = Annotated[Principal, require(Permission.SOURCES_READ)]
Writer = Annotated[Principal, require(Permission.SOURCES_WRITE)]


@router.get("")
def list_sources(services: Wired, who: Reader) -> list[MediaSource]:
    """List watched folders and cameras by name, each with its zones and whether it is watched now."""
    return services.sources.all()


@router.post("", status_code=201)
def add_source(new: NewSource, services: Wired, who: Writer) -> MediaSource:
    """Add a watched folder or a camera; `start` begins to watch it. What is secret in an address is never told again."""
    made = services.sources.add(new, watch=services.config.watch)
    services.audit.write(who.name, "source.add", f"sources/{made.id}", name=made.name, kind=made.kind, address=made.address)
    return made


@router.get("/{source_id}")
def source(source_id: int, services: Wired, who: Reader) -> MediaSource:
    """Return a watched folder or a camera."""
    return services.sources.get(source_id)


@router.patch("/{source_id}")
def change_source(source_id: int, change: SourceChange, services: Wired, who: Writer) -> MediaSource:
    """Change the fields that are given. One that is watched now goes on as it was; stop and start it."""
    changed = services.sources.change(source_id, change)
    services.audit.write(who.name, "source.change", f"sources/{source_id}", fields=sorted(change.model_fields_set))
    return changed


@router.delete("/{source_id}", status_code=204)
def delete_source(source_id: int, services: Wired, who: Writer) -> None:
    """Stop watching, and delete the source with its zones and jobs. Media and records that came from it stay."""
    found = services.sources.get(source_id)
    services.audit.write(who.name, "source.delete", f"sources/{source_id}", name=found.name, kind=found.kind)
    if found.job_id is not None:
        services.runner.stop_source(source_id, who.name)
    services.sources.delete(source_id)


@router.post("/{source_id}/start")
def start_source(source_id: int, services: Wired, who: Writer) -> Job:
    """Begin to watch; one that is watched already stays so. It comes back after a restart of the server."""
    job = services.runner.start_source(source_id, who.name)
    services.audit.write(who.name, "source.start", f"sources/{source_id}", job=job.id)
    return job


@router.post("/{source_id}/stop")
def stop_source(source_id: int, services: Wired, who: Writer) -> Job:
    """Stop watching; what came from it stays."""
    job = services.runner.stop_source(source_id, who.name)
    services.audit.write(who.name, "source.stop", f"sources/{source_id}", job=job.id)
    return job


@router.post("/{source_id}/zones", status_code=201)
def add_zone(source_id: int, new: NewZone, services: Wired, who: Writer) -> Zone:
    """Add a zone: a region of the picture that records can be asked about."""
    made = services.sources.add_zone(source_id, new)
    services.audit.write(who.name, "zone.add", f"sources/{source_id}/zones/{made.id}", name=made.name)
    return made


@router.delete("/{source_id}/zones/{zone_id}", status_code=204)
def delete_zone(source_id: int, zone_id: int, services: Wired, who: Writer) -> None:
    """Delete a zone."""
    zone = next((zone for zone in services.sources.get(source_id).zones if zone.id == zone_id), None)
    if zone is None:
        raise NotFoundError(f"source {source_id} has no zone {zone_id}")
    services.sources.delete_zone(source_id, zone_id)
    services.audit.write(who.name, "zone.delete", f"sources/{source_id}/zones/{zone_id}", name=zone.name)
