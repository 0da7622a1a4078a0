"""Bodies about who may do what."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, SecretStr

from sightline.api.base import Body, Name, Timestamp

Role = Literal["viewer", "operator", "custodian", "admin"]
Login = Annotated[
    str,
    Field(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9._@-]*$", description="Small letters, digits, . _ @ -", examples=["mira"]),
]
NewPassword = Annotated[SecretStr, Field(min_length=12, max_length=1000, examples=["correct horse battery"])]


class Permission(StrEnum):
    """One right; every route names the one it needs."""

    MEDIA_READ = "media:read"
    MEDIA_WRITE = "media:write"
    RECORDS_READ = "records:read"
    RECORDS_WRITE = "records:write"
    ANALYSE = "analyse"
    LIVE = "live"
    JOBS_READ = "jobs:read"
    JOBS_CONTROL = "jobs:control"
    SOURCES_READ = "sources:read"
    SOURCES_WRITE = "sources:write"
    MODELS_READ = "models:read"
    MODELS_FETCH = "models:fetch"
    PEOPLE_READ = "people:read"
    PEOPLE_WRITE = "people:write"
    AUDIT_READ = "audit:read"
    USERS_MANAGE = "users:manage"
    SETTINGS_READ = "settings:read"
    SETTINGS_WRITE = "settings:write"
    SELF = "self"


_VIEWER = frozenset(
    {
        Permission.SELF,
        Permission.MEDIA_READ,
        Permission.RECORDS_READ,
        Permission.JOBS_READ,
        Permission.SOURCES_READ,
        Permission.MODELS_READ,
    }
)
_OPERATOR = _VIEWER | {
    Permission.MEDIA_WRITE,
    Permission.RECORDS_WRITE,
    Permission.ANALYSE,
    Permission.LIVE,
    Permission.JOBS_CONTROL,
    Permission.SOURCES_WRITE,
    Permission.SETTINGS_READ,
}
_CUSTODIAN = _OPERATOR | {Permission.PEOPLE_READ, Permission.PEOPLE_WRITE}
ROLE_PERMISSIONS: dict[Role, frozenset[Permission]] = {
    "viewer": _VIEWER,
    "operator": _OPERATOR,
    "custodian": _CUSTODIAN,
    "admin": frozenset(Permission),
}


class Credentials(Body):
    """Name and password."""

    name: Login
    password: SecretStr = Field(max_length=1000, examples=["correct horse battery"])


class OwnerToken(Body):
    """The token that the first start printed."""

    token: SecretStr = Field(max_length=200)


class Me(Body):
    """Who is signed in."""

    name: str
    role: Role
    permissions: list[Permission]
    csrf_token: str | None = Field(default=None, description="Send as X-CSRF-Token with every change; null for API keys.")
    oidc: bool = Field(default=False, description="Whether the server offers single sign-on.")


class SignInOptions(Body):
    """How one can sign in."""

    password: bool = True
    oidc_name: str | None = Field(default=None, description="Name of the single sign-on, when there is one.")


class NewUser(Body):
    """A user to be."""

    name: Login
    role: Role
    password: NewPassword


class User(Body):
    """A user."""

    id: int
    name: str
    role: Role
    disabled: bool
    created_at: Timestamp
    last_seen_at: Timestamp | None = None


class UserChange(Body):
    """Fields to change; absent ones stay."""

    role: Role | None = None
    disabled: bool | None = None
    password: NewPassword | None = None


class PasswordChange(Body):
    """One's own password, changed."""

    old: SecretStr = Field(max_length=1000)
    new: NewPassword


class NewKey(Body):
    """An API key to be; it can do no more than its user."""

    name: Name = Field(examples=["door counter"])
    scopes: list[Permission] = Field(min_length=1, examples=[["media:write", "records:read"]])
    expires_in_days: int = Field(default=90, ge=1, le=3650)


class Key(Body):
    """An API key, without its secret."""

    id: int
    name: str
    prefix: str = Field(description="First characters, to tell it by.")
    user: str
    scopes: list[Permission]
    created_at: Timestamp
    expires_at: Timestamp
    last_used_at: Timestamp | None = None
    revoked: bool = False


class CreatedKey(Key):
    """An API key just made: the only time its secret is shown."""

    secret: str = Field(description="Send as `Authorization: Bearer …`.")
