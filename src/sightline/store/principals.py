"""Whoever asks: a user in a browser, or a program with a key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sightline.api.accounts import ROLE_PERMISSIONS, Permission, Role


@dataclass(frozen=True)
class Principal:
    """Whoever asks, and what they may do.

    Parameters
    ----------
    name : str
        As the audit trail writes it: the user's name, or ``key:USER/NAME`` for an API key.
    user : str
        The user's name.
    user_id : int
    role : str
    permissions : frozenset of Permission
        All that the role allows; for a key what its scopes leave of it.
    via : str
        ``session`` or ``key``.
    csrf_token : str, optional
        What changes by session must carry as ``X-CSRF-Token``.
    whole : bool
        Whether it acts for the user without restriction: a session or the owner token, not a key with scopes.
    """

    name: str
    user: str
    user_id: int
    role: Role
    permissions: frozenset[Permission]
    via: Literal["session", "key"]
    csrf_token: str | None = None
    whole: bool = True

    def may(self, permission: Permission) -> bool:
        """Return whether it has a right."""
        return permission in self.permissions


def by_session(user: str, user_id: int, role: Role, csrf_token: str) -> Principal:
    """Return who a browser stands for."""
    return Principal(user, user, user_id, role, ROLE_PERMISSIONS[role], "session", csrf_token)


def by_key(user: str, user_id: int, role: Role, name: str, scopes: list[str] | None) -> Principal:
    """Return who a key stands for; scopes that the role does not allow (any longer) do not count.

    Parameters
    ----------
    scopes : list of str, optional
        None for the owner token, which may do all that its user may.

    Examples
    --------
    >>> sorted(by_key("mira", 1, "viewer", "door counter", ["media:read", "users:manage"]).permissions)
    [<Permission.MEDIA_READ: 'media:read'>, <Permission.SELF: 'self'>]
    """
    allowed = ROLE_PERMISSIONS[role]
    if scopes is not None:
        allowed = frozenset(p for p in allowed if p.value in scopes or p is Permission.SELF)
    return Principal(f"key:{user}/{name}", user, user_id, role, allowed, "key", whole=scopes is None)
