from __future__ import annotations

import re
from pathlib import Path

from sightline.api.accounts import ROLE_PERMISSIONS, Permission
from sightline.server import oidc

PAGE = (Path(__file__).parents[3] / "docs" / "accounts.md").read_text("utf-8")


def test_the_table_of_roles_is_that_of_the_code() -> None:
    head = re.search(r"^\| right \| lets one \| (.*) \|$", PAGE, re.MULTILINE)
    assert head is not None
    roles = head[1].split(" | ")
    assert roles == list(ROLE_PERMISSIONS)
    rows = re.findall(r"^\| `([a-z:]+)` \| ([^|]+) \|(.*)\|$", PAGE, re.MULTILINE)
    assert [name for name, _, _ in rows] == [p.value for p in Permission]
    for name, _, marks in rows:
        may = [role for role, mark in zip(roles, marks.split("|"), strict=True) if mark.strip() == "✓"]
        assert may == [role for role, rights in ROLE_PERMISSIONS.items() if name in rights], name


def test_every_variable_of_single_sign_on_is_documented() -> None:
    code = Path(oidc.__file__).read_text("utf-8")
    read = {*re.findall(r'values(?:\.get\(|\[)"([A-Z_]+)"', code), "CLIENT_ID", "CLIENT_SECRET"}
    assert len(read) == 10
    assert set(re.findall(r"SIGHTLINE_OIDC_([A-Z_]+)`", PAGE)) == read
