"""Bringing files of this machine in: those named when the server is started."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path
from uuid import uuid4

from sqlalchemy import select

from sightline.analysis.inputs import Input, discover
from sightline.api.analyses import AnalysisOptions
from sightline.core.errors import InvalidInputError, MediaError
from sightline.server.services import Services
from sightline.store.blobs import digest_of_file
from sightline.store.tables import MediaRow

logger = logging.getLogger(__name__)

WHO = "owner"


def bring_in(services: Services, path: Path) -> int:
    """Keep and analyse a file, or every picture and video of a folder; what was brought in before is passed over.

    Returns
    -------
    int
        How many came in.

    Raises
    ------
    MediaError
        When the file cannot be read; of a folder, the others are brought in all the same and the first error is raised then.
    """
    count, first = 0, None
    for item in discover([path]):
        try:
            if not isinstance(item, Input):
                raise item
            count += _one(services, item)
        except (MediaError, InvalidInputError) as error:
            logger.warning("%s", error)
            first = first or error
    if first is not None:
        raise first
    return count


def _one(services: Services, item: Input) -> bool:
    path = item.path
    if path is None:
        raise InvalidInputError("standard input cannot be brought in; name a file")
    origin = f"start:{digest_of_file(path)}"
    with services.database.session() as session:
        if session.scalar(select(MediaRow.id).where(MediaRow.origin == origin)) is not None:
            return False
    spooled = services.config.spool / f"{uuid4()}.part"
    try:
        shutil.copyfile(path, spooled)
        limits = services.settings.get().limits.model_dump()
        facts = services.workers.run_sync("inspect", lane="interactive", path=str(spooled), limits=limits, name=path.name)
        media = services.media.add(spooled, facts, name=path.name, added_by=WHO, origin=origin)
    finally:
        spooled.unlink(missing_ok=True)
    services.audit.write(WHO, "media.add", f"media/{media.id}", name=media.name)
    services.runner.analyse(media.id, AnalysisOptions(), WHO)
    return True
