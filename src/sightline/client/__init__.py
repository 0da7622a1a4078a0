"""A typed client of the server's API: what it returns are the bodies of `sightline.api`.

Examples
--------
>>> from sightline.client import Client
>>> with Client("http://127.0.0.1:8765", key="slk_…") as sightline:  # doctest: +SKIP
...     kept = sightline.add("door.jpg")
...     print(sightline.wait(kept.job_id).state)
...     for record in sightline.records(RecordFilter(media_id=kept.media_id)):
...         print(record.kind, record.box_xyxy)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sightline.client.client import Client as Client

__all__ = ["Client"]


def __getattr__(name: str) -> object:
    """Load the client, and httpx2 with it, when it is first used."""
    if name == "Client":
        from sightline.client.client import Client

        return Client
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
