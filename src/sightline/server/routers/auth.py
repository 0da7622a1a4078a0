"""Signing in and out."""

from __future__ import annotations

import logging
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Request, Response, status
from fastapi.responses import RedirectResponse

from sightline.api.accounts import Credentials, Me, OwnerToken, PasswordChange, Permission, SignInOptions
from sightline.core.errors import NotFoundError, RightsError, SightlineError, SignInNeededError
from sightline.server.oidc import STATE_SECONDS, SingleSignOn
from sightline.server.rights import Principal, cookie_name, public, require, same_origin, session_token
from sightline.server.services import Services, Wired
from sightline.store.access import Entry

logger = logging.getLogger(__name__)

router = APIRouter(prefix="/auth", tags=["auth"])
Self = Annotated[Principal, require(Permission.SELF)]

STATE_COOKIE = "sightline_sign_on"


@router.get("/options", dependencies=[public])
def sign_in_options(services: Wired) -> SignInOptions:
    """Tell how one can sign in."""
    sign_on = services.single_sign_on
    return SignInOptions(oidc_name=None if sign_on is None else sign_on.config.name)


@router.post("/login", dependencies=[public])
def sign_in(body: Credentials, request: Request, response: Response, services: Wired) -> Me:
    """Sign in with name and password; the answer sets the session's cookie."""
    same_origin(request)
    address = _address(request)
    services.sign_in_limits.try_once(body.name, address)
    try:
        entry = services.accounts.sign_in(body.name, body.password.get_secret_value(), replaces=session_token(request))
    except SignInNeededError:
        services.audit.write(body.name, "login.failed", address=address)
        raise
    services.sign_in_limits.succeeded(body.name, address)
    return _welcome(services, entry, request, response, how="password")


@router.post("/token", dependencies=[public])
def sign_in_with_token(body: OwnerToken, request: Request, response: Response, services: Wired) -> Me:
    """Sign the owner in with the token that the first start printed."""
    same_origin(request)
    address = _address(request)
    services.sign_in_limits.try_once(None, address)
    try:
        entry = services.accounts.sign_in_with_token(body.token.get_secret_value(), replaces=session_token(request))
    except SignInNeededError:
        services.audit.write("nobody", "login.failed", address=address, how="owner token")
        raise
    services.sign_in_limits.succeeded(None, address)
    return _welcome(services, entry, request, response, how="owner token")


@router.post("/logout", status_code=status.HTTP_204_NO_CONTENT)
def sign_out(who: Self, request: Request, response: Response, services: Wired) -> None:
    """End the session; a key is not changed by it."""
    token = session_token(request)
    if who.via == "session" and token is not None:
        services.audit.write(who.name, "logout")
        services.accounts.sign_out(token)
        _put_cookie(response, cookie_name(services.config.https), "", 0, services, samesite="strict")


@router.get("/me")
def me(who: Self, services: Wired) -> Me:
    """Tell who is signed in and what they may do."""
    return _me(who, services)


@router.post("/password")
def change_password(body: PasswordChange, who: Self, request: Request, response: Response, services: Wired) -> Me:
    """Change one's own password; all sessions end, and this browser gets a new one."""
    if who.via != "session":
        raise RightsError("a key cannot change a password; sign in for that")
    address = _address(request)
    services.sign_in_limits.try_once(who.user, address)
    entry = services.accounts.change_password(who.user_id, body.old.get_secret_value(), body.new.get_secret_value())
    services.sign_in_limits.succeeded(who.user, address)
    services.audit.write(who.name, "user.password", f"user/{who.user_id}")
    _put_session(response, entry, services)
    return _me(entry.principal, services)


@router.get("/oidc/start", dependencies=[public], status_code=status.HTTP_303_SEE_OTHER, response_class=RedirectResponse)
def start_single_sign_on(request: Request, services: Wired) -> Response:
    """Send the browser to the single sign-on."""
    sign_on = _sign_on(services)
    services.sign_in_limits.try_once(None, _address(request))
    try:
        url, cookie = sign_on.start(_redirect_uri(request, services))
    except RightsError as error:
        return _back(error)
    response = RedirectResponse(url, status.HTTP_303_SEE_OTHER)
    _put_cookie(response, _state_cookie(services), cookie, STATE_SECONDS, services, samesite="lax")
    return response


@router.get("/oidc/callback", dependencies=[public], status_code=status.HTTP_303_SEE_OTHER, response_class=RedirectResponse)
def finish_single_sign_on(request: Request, services: Wired) -> Response:
    """Take the browser back from the single sign-on and sign in whom it vouches for."""
    sign_on, address = _sign_on(services), _address(request)
    cookie = request.cookies.get(_state_cookie(services), "")
    try:
        vouched = sign_on.finish(_redirect_uri(request, services), cookie, request.query_params)
        entry = services.accounts.sign_in_from_outside(
            vouched.subject,
            vouched.name,
            vouched.role,
            newcomer=vouched.newcomer,
            link=sign_on.config.link_names,
            replaces=session_token(request),
        )
    except SightlineError as error:
        services.audit.write("nobody", "login.failed", address=address, how="single sign-on", why=str(error))
        return _back(error)
    services.sign_in_limits.succeeded(None, address)
    response = RedirectResponse("/", status.HTTP_303_SEE_OTHER)
    _welcome(services, entry, request, response, how="single sign-on")
    _put_cookie(response, _state_cookie(services), "", 0, services, samesite="lax")
    return response


def _sign_on(services: Services) -> SingleSignOn:
    if services.single_sign_on is None:
        raise NotFoundError("this server has no single sign-on; SIGHTLINE_OIDC_ISSUER sets one up")
    return services.single_sign_on


def _back(error: SightlineError) -> Response:
    """Return to the console, which shows why."""
    return RedirectResponse(f"/?sign_in_problem={quote(str(error))}", status.HTTP_303_SEE_OTHER)


def _redirect_uri(request: Request, services: Services) -> str:
    return f"{'https' if services.config.https else 'http'}://{request.headers['host']}{request.url_for('finish_single_sign_on').path}"


def _welcome(services: Services, entry: Entry, request: Request, response: Response, *, how: str) -> Me:
    services.audit.write(entry.principal.name, "login", address=_address(request), how=how)
    _put_session(response, entry, services)
    return _me(entry.principal, services)


def _me(who: Principal, services: Services) -> Me:
    return Me(
        name=who.user,
        role=who.role,
        permissions=sorted(who.permissions),
        csrf_token=who.csrf_token,
        oidc=services.single_sign_on is not None,
    )


def _put_session(response: Response, entry: Entry, services: Services) -> None:
    lasts_s = int((entry.expires_at - services.accounts.now()).total_seconds())
    _put_cookie(response, cookie_name(services.config.https), entry.token, lasts_s, services, samesite="strict")


def _put_cookie(response: Response, name: str, value: str, lasts_s: int, services: Services, *, samesite: str) -> None:
    secure = services.config.https
    response.set_cookie(name, value, max_age=lasts_s, path="/", secure=secure, httponly=True, samesite=samesite)  # type: ignore[arg-type]


def _state_cookie(services: Services) -> str:
    return f"__Host-{STATE_COOKIE}" if services.config.https else STATE_COOKIE


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"
