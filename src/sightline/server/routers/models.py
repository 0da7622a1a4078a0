"""The nets: what they are, under which terms, and whether they are on this machine."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter

from sightline.api.accounts import Permission
from sightline.api.jobs import Job
from sightline.api.models import ModelAccuracy, ModelDetail, ModelState
from sightline.runtime.cards import ModelCard, card_names, load_card
from sightline.runtime.weights import state
from sightline.server.rights import Principal, require
from sightline.server.services import Services, Wired

router = APIRouter(prefix="/models", tags=["models"])


@router.get("")
def models(services: Wired, who: Annotated[Principal, require(Permission.MODELS_READ)]) -> list[ModelState]:
    """List the nets, the default ones first, and whether they are on this machine."""
    fetching = _fetching(services)
    cards = sorted((load_card(name) for name in card_names()), key=lambda card: (not card.default, card.task, card.name))
    return [_state(card, fetching) for card in cards]


@router.get("/{name}")
def model(name: str, services: Wired, who: Annotated[Principal, require(Permission.MODELS_READ)]) -> ModelDetail:
    """Return one net with its whole card."""
    card = load_card(name)
    return ModelDetail(**_state(card, _fetching(services)).model_dump(), card=card.model_dump(mode="json"))


@router.post("/{name}/fetch", status_code=202)
def fetch_model(name: str, services: Wired, who: Annotated[Principal, require(Permission.MODELS_FETCH)]) -> Job:
    """Begin to bring a net to this machine, from the first of its sources that delivers; it is checked before it is used."""
    job = services.runner.fetch_model(load_card(name).name, who.name)
    services.audit.write(who.name, "model.fetch", f"models/{name}", job=job.id)
    return job


def _state(card: ModelCard, fetching: dict[str, str]) -> ModelState:
    found = state(card.name)  # hashed again only when the file changed
    return ModelState(
        name=card.name,
        title=card.title,
        task=card.task,
        state=found,
        default=card.default,
        bytes=card.weights.bytes if found == "ready" else None,
        licence_code=card.licences.code,
        licence_weights=card.licences.weights,
        licence_data=card.licences.training_data,
        licence_notes=card.licences.notes,
        commercial=card.licences.commercial,
        summary=card.summary,
        download_bytes=sum(file.bytes for file in card.weights.files),
        accuracy=[ModelAccuracy(metric=row.metric, value=row.value, data=row.data) for row in card.accuracy],
        fetching_job_id=fetching.get(card.name),
    )


def _fetching(services: Services) -> dict[str, str]:
    """Return the jobs that bring nets here now, by net."""
    return {job.title: job.id for job in services.jobs.unfinished("fetch")}
