from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from sightline.api.accounts import Permission
from sightline.server.app import create_app

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return create_app(None).openapi()


def operations(described: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [(path, method, o) for path, methods in described["paths"].items() for method, o in methods.items()]


def test_the_consoles_copy_is_what_the_app_says_of_itself() -> None:
    source = ROOT / "scripts" / "write_openapi.py"
    spec = importlib.util.spec_from_file_location("write_openapi", source)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    kept = (ROOT / "console" / "openapi.json").read_text("utf-8")
    assert json.loads(kept) == json.loads(module.text()), "run: python scripts/write_openapi.py"


def test_every_operation_is_described_and_names_its_right(described: dict[str, Any]) -> None:
    known = {permission.value for permission in Permission}
    for path, method, operation in operations(described):
        where = f"{method} {path}"
        assert operation.get("tags"), where
        assert len(operation.get("description") or operation.get("summary") or "") > 10, where
        assert operation["responses"]["default"]["content"] == {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}
        }, where
        if operation.get("security") != []:
            assert any(right in json.dumps(operation) for right in known), where


def test_every_body_that_is_sent_has_an_example(described: dict[str, Any]) -> None:
    def examples(schema: dict[str, Any], depth: int = 0) -> bool:
        if "$ref" in schema:
            schema = described["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        if any(key in schema for key in ("examples", "example", "default", "const", "enum", "format")):
            return True
        return depth < 4 and any(examples(p, depth + 1) for p in [*schema.get("properties", {}).values(), *schema.get("anyOf", [])])

    for path, method, operation in operations(described):
        body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        if body:
            assert "example" in body or "examples" in body or examples(body["schema"]), f"{method} {path}"


def test_nothing_refers_to_what_is_not_there(described: dict[str, Any]) -> None:
    text = json.dumps(described)
    schemas = described["components"]["schemas"]
    for part in text.split('"$ref": "#/components/schemas/')[1:]:
        assert part.split('"', 1)[0] in schemas
    assert not [name for name in schemas if name.startswith("sightline__")], "two bodies share a name"
