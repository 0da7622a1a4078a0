"""Writes the JSON Schema of the analysis document into the package."""

from __future__ import annotations

import json
from pathlib import Path

from sightline.analysis.document import json_schema

TARGET = Path(__file__).parents[1] / "src/sightline/analysis/schema/analysis-1.schema.json"

if __name__ == "__main__":
    TARGET.write_text(json.dumps(json_schema(), indent=1) + "\n", "utf-8")
