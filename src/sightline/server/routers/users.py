"""Users and API keys."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, status

from sightline.api.accounts import CreatedKey, Key, NewKey, NewUser, Permission, User, UserChange
from sightline.api.base import Page
from sightline.core.errors import RightsError
from sightline.server.rights import Principal, require
from sightline.server.services import Wired

router = APIRouter(tags=["users"])
Manager = Annotated[Principal, require(Permission.USERS_MANAGE)]
Self = Annotated[Principal, require(Permission.SELF)]
Id = Annotated[int, Path(ge=1, lt=1 << 31)]


@router.get("/users")
def list_users(services: Wired, who: Manager) -> Page[User]:
    """List all users, by name, on one page."""
    return Page(items=services.accounts.users())


@router.post("/users", status_code=status.HTTP_201_CREATED)
def add_user(body: NewUser, services: Wired, who: Manager) -> User:
    """Add a user."""
    user = services.accounts.add_user(body)
    services.audit.write(who.name, "user.add", f"user/{user.id}", name=user.name, role=user.role)
    return user


@router.patch("/users/{user_id}")
def change_user(user_id: Id, body: UserChange, services: Wired, who: Manager) -> User:
    """Change a user's role or password, or disable them; disabling and a new password end their sessions at once."""
    user = services.accounts.change_user(user_id, body)
    changed = {"role": body.role, "disabled": body.disabled, "password": None if body.password is None else "changed"}
    services.audit.write(
        who.name, "user.change", f"user/{user.id}", name=user.name, **{key: value for key, value in changed.items() if value is not None}
    )
    return user


@router.delete("/users/{user_id}", status_code=status.HTTP_204_NO_CONTENT)
def delete_user(user_id: Id, services: Wired, who: Manager) -> None:
    """Delete a user with their sessions and keys; their entries in the audit trail stay."""
    user = services.accounts.delete_user(user_id)
    services.audit.write(who.name, "user.delete", f"user/{user.id}", name=user.name)


@router.get("/keys")
def list_keys(services: Wired, who: Self) -> Page[Key]:
    """List one's own keys, newest first, on one page; whoever manages users sees all."""
    _not_by_a_narrow_key(who)
    return Page(items=services.accounts.keys(None if who.may(Permission.USERS_MANAGE) else who.user_id))


@router.post("/keys", status_code=status.HTTP_201_CREATED)
def add_key(body: NewKey, services: Wired, who: Self) -> CreatedKey:
    """Make a key for oneself; the answer is the only one that holds its secret."""
    _not_by_a_narrow_key(who)
    beyond = sorted(set(body.scopes) - who.permissions)
    if beyond:
        raise RightsError(f"a key can do no more than its user: {', '.join(beyond)} is not among the rights of the role {who.role}")
    key = services.accounts.add_key(who.user_id, body)
    services.audit.write(who.name, "key.add", f"key/{key.id}", name=key.name, scopes=key.scopes, expires_at=key.expires_at)
    return key


@router.delete("/keys/{key_id}", status_code=status.HTTP_204_NO_CONTENT)
def revoke_key(key_id: Id, services: Wired, who: Self) -> None:
    """Revoke a key of one's own; whoever manages users can revoke any."""
    _not_by_a_narrow_key(who)
    key = services.accounts.revoke_key(key_id, None if who.may(Permission.USERS_MANAGE) else who.user_id)
    services.audit.write(who.name, "key.revoke", f"key/{key.id}", name=key.name, user=key.user)


def _not_by_a_narrow_key(who: Principal) -> None:
    """Refuse keys with scopes: one that may read pictures must not make itself another that may delete them."""
    if not who.whole:
        raise RightsError("a key cannot look at keys, make or revoke them; sign in, or use the owner token")
