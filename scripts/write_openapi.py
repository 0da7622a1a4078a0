"""Writes the OpenAPI description of the API to console/openapi.json, which the console's types are made from.

Usage: python scripts/write_openapi.py
"""

from __future__ import annotations

import json
from pathlib import Path

from sightline.server.app import create_app

TARGET = Path(__file__).parents[1] / "console" / "openapi.json"


def text() -> str:
    """Return the description as text that changes only when the API does."""
    return json.dumps(create_app(None).openapi(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), "utf-8")
