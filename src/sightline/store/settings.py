"""What an administrator set: one row, checked when it is written and when it is read."""

from __future__ import annotations

import threading
import time

from pydantic import ValidationError
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from sightline.api.base import now
from sightline.api.settings import Settings
from sightline.core.errors import InvalidInputError
from sightline.store.database import Database
from sightline.store.tables import SettingsRow

_ROW = 1
_REMEMBERED_S = 5.0


class SettingsStore:
    """Reads and writes the settings; remembers them for five seconds, so that asking costs nothing.

    Parameters
    ----------
    database : Database
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._known: tuple[float, Settings] | None = None

    def get(self) -> Settings:
        """Return the settings, the defaults where nobody set any.

        Raises
        ------
        InvalidInputError
            When what is in the database does not fit this version.
        StoreUnavailableError
            When the database does not answer.
        """
        known = self._known
        if known is not None and time.monotonic() - known[0] < _REMEMBERED_S:
            return known[1]
        with self._database.session() as session:
            value = session.scalar(select(SettingsRow.value).where(SettingsRow.id == _ROW))
        try:
            settings = Settings() if value is None else Settings.model_validate(value)
        except ValidationError as error:
            raise InvalidInputError(f"the settings in the database do not fit this version of Sightline: {error}") from None
        with self._lock:
            if self._known is known:  # else somebody has set others meanwhile
                self._known = (time.monotonic(), settings)
        return settings

    def put(self, settings: Settings) -> Settings:
        """Keep settings, in place of those before; they count at once in this process.

        Raises
        ------
        StoreUnavailableError
            When the database does not answer.
        """
        value = settings.model_dump(mode="json")
        row = insert(SettingsRow).values(id=_ROW, value=value, changed_at=now())
        row = row.on_conflict_do_update(index_elements=[SettingsRow.id], set_={"value": value, "changed_at": now()})
        with self._lock:
            with self._database.session() as session:
                session.execute(row)
            self._known = (time.monotonic(), settings)
        return settings
