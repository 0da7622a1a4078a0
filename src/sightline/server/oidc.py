"""Single sign-on with OpenID Connect: authorization code with PKCE, state and nonce; the ID token is verified."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import threading
import time
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args
from urllib.parse import urlsplit

import httpx
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import OAuth2Client
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OctKey

from sightline.api.accounts import Role
from sightline.core.errors import InvalidInputError, RightsError

logger = logging.getLogger(__name__)

PREFIX = "SIGHTLINE_OIDC_"
STATE_SECONDS = 600
_ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"]
_TIMEOUT_S = 10.0
_KEPT_S = 3600.0
_LEEWAY_S = 60


@dataclass(frozen=True)
class SignOnConfig:
    """Who vouches for whom.

    Parameters
    ----------
    issuer : str
        ``https://…``; what is under ``/.well-known/openid-configuration`` there says the rest.
    client_id, client_secret : str
    name : str
        On the button.
    scopes : tuple of str
    role_claim : str, optional
        Claim that says what somebody is here, such as ``groups``.
    roles : tuple of (str, str)
        Value of that claim and role, the first that fits counts.
    default_role : str, optional
        Role of somebody new to whom the claim gives none; None: they are refused.
    new_users : bool
        Whether somebody who is not known here becomes a user.
    link_names : bool
        Whether a user whom an administrator added under the same name is taken for the same person.
    """

    issuer: str
    client_id: str
    client_secret: str
    name: str = "Single sign-on"
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    role_claim: str | None = None
    roles: tuple[tuple[str, Role], ...] = ()
    default_role: Role | None = "viewer"
    new_users: bool = True
    link_names: bool = False


def from_environment(environment: Mapping[str, str]) -> SignOnConfig | None:
    """Return what the variables ``SIGHTLINE_OIDC_…`` say, None when there is no issuer.

    Raises
    ------
    InvalidInputError
        When one is missing or wrong.

    Examples
    --------
    >>> from_environment({}) is None
    True
    """
    values = {name.removeprefix(PREFIX): value.strip() for name, value in environment.items() if name.startswith(PREFIX) and value.strip()}
    if "ISSUER" not in values:
        return None
    for name in ("CLIENT_ID", "CLIENT_SECRET"):
        if name not in values:
            raise InvalidInputError(f"{PREFIX}ISSUER is set, and {PREFIX}{name} is not")
    issuer = urlsplit(values["ISSUER"])
    if issuer.scheme != "https" and issuer.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise InvalidInputError(f"{PREFIX}ISSUER: expected an address with https, got {values['ISSUER']!r}")
    pairs = [pair.partition("=") for pair in values.get("ROLES", "").split(",") if pair.strip()]
    default = values.get("DEFAULT_ROLE", "viewer")
    return SignOnConfig(
        issuer=values["ISSUER"].rstrip("/"),
        client_id=values["CLIENT_ID"],
        client_secret=values["CLIENT_SECRET"],
        name=values.get("NAME", "Single sign-on"),
        scopes=tuple(values.get("SCOPES", "openid profile email").split()),
        role_claim=values.get("ROLE_CLAIM"),
        roles=tuple((value.strip(), _role(role.strip(), "ROLES")) for value, _, role in pairs),
        default_role=None if default == "none" else _role(default, "DEFAULT_ROLE"),
        new_users=_yes(values.get("NEW_USERS", "yes"), "NEW_USERS"),
        link_names=_yes(values.get("LINK_NAMES", "no"), "LINK_NAMES"),
    )


def _role(text: str, variable: str) -> Role:
    if text not in get_args(Role):
        raise InvalidInputError(f"{PREFIX}{variable}: expected one of {', '.join(get_args(Role))}, got {text!r}")
    return cast(Role, text)


def _yes(text: str, variable: str) -> bool:
    if text.lower() not in ("yes", "no"):
        raise InvalidInputError(f"{PREFIX}{variable}: expected yes or no, got {text!r}")
    return text.lower() == "yes"


@dataclass(frozen=True)
class Vouched:
    """Whom the sign-on vouches for.

    Parameters
    ----------
    subject : str
        Issuer and subject; never changes.
    name : str
        What they would be called here.
    role : str, optional
        What the role claim says; None: there is no such claim, and the role stays.
    newcomer : str, optional
        Role of somebody new; None: they are refused.
    """

    subject: str
    name: str
    role: Role | None
    newcomer: Role | None


class SingleSignOn:
    """Sends browsers to the provider and checks what they bring back. What must be known in between is in a signed cookie.

    Parameters
    ----------
    config : SignOnConfig
    """

    def __init__(self, config: SignOnConfig) -> None:
        self.config = config
        self._secret = OctKey.import_key(secrets.token_bytes(32))
        self._lock = threading.Lock()
        self._found: dict[str, tuple[float, dict[str, Any]]] = {}

    def start(self, redirect_uri: str) -> tuple[str, str]:
        """Return where to send the browser, and the cookie it must bring back.

        Raises
        ------
        RightsError
            When the provider does not answer.
        """
        state, nonce, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        with self._client(redirect_uri) as client:
            url, _ = client.create_authorization_url(
                self._endpoint("authorization_endpoint"), state=state, nonce=nonce, code_verifier=verifier
            )
        held = {"state": state, "nonce": nonce, "verifier": verifier, "exp": int(time.time()) + STATE_SECONDS}
        return url, jwt.encode({"alg": "HS256"}, held, self._secret)

    def finish(self, redirect_uri: str, cookie: str, answer: Mapping[str, str]) -> Vouched:
        """Return whom the provider vouches for.

        Parameters
        ----------
        redirect_uri : str
            The same as at the start.
        cookie : str
            What `start` gave.
        answer : mapping
            The query that the provider sent the browser back with.

        Raises
        ------
        RightsError
            When anything does not fit.
        """
        held = self._held(cookie)
        if not hmac.compare_digest(held["state"].encode(), answer.get("state", "").encode()):
            raise RightsError("the sign-in was not begun in this browser; try again")
        if "code" not in answer:
            raise RightsError(f"the single sign-on refused: {answer.get('error', 'no reason given')}")
        try:
            with self._client(redirect_uri) as client:
                token = client.fetch_token(
                    self._endpoint("token_endpoint"), code=answer["code"], code_verifier=held["verifier"], grant_type="authorization_code"
                )
                claims = self._checked(str(token.get("id_token", "")), held["nonce"])
                claims = {**self._more(client, claims["sub"]), **claims}
        except (httpx.HTTPError, AuthlibBaseError, JoseError, ValueError) as error:
            logger.warning("the single sign-on did not vouch: %s", error)
            raise RightsError("the single sign-on did not vouch for you; the server's log says why") from error
        return self._vouched(claims)

    def _held(self, cookie: str) -> dict[str, Any]:
        try:
            held = jwt.decode(cookie, self._secret, algorithms=["HS256"]).claims
            jwt.JWTClaimsRegistry(exp={"essential": True}).validate(held)
        except (JoseError, ValueError):
            raise RightsError("the sign-in took too long or was not begun in this browser; try again") from None
        return held

    def _client(self, redirect_uri: str) -> Any:
        return OAuth2Client(
            self.config.client_id,
            self.config.client_secret,
            scope=" ".join(self.config.scopes),
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=_TIMEOUT_S,
        )

    def _checked(self, id_token: str, nonce: str) -> dict[str, Any]:
        """Return the claims of an ID token that is meant for us, now (OpenID Connect Core 3.1.3.7)."""
        try:
            token = jwt.decode(id_token, self._keys(), algorithms=_ALGORITHMS)
        except (JoseError, ValueError):
            token = jwt.decode(id_token, self._keys(fresh=True), algorithms=_ALGORITHMS)  # the provider may have new keys
        rules = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            iss={"essential": True, "value": self._metadata()["issuer"]},
            aud={"essential": True, "value": self.config.client_id},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": nonce},
        )
        rules.validate(token.claims)
        audience = token.claims["aud"]
        if isinstance(audience, list) and len(audience) > 1 and token.claims.get("azp") != self.config.client_id:
            raise ValueError("the ID token has several audiences and is not authorized for us")
        return token.claims

    def _more(self, client: Any, subject: str) -> dict[str, Any]:
        """Return what the provider tells about a person beside the ID token."""
        if "userinfo_endpoint" not in self._metadata():
            return {}
        answer = client.get(self._metadata()["userinfo_endpoint"]).raise_for_status().json()
        return answer if isinstance(answer, dict) and answer.get("sub") == subject else {}

    def _vouched(self, claims: Mapping[str, Any]) -> Vouched:
        role: Role | None = None
        if self.config.role_claim is not None:
            said = claims.get(self.config.role_claim, [])
            values = said if isinstance(said, list) else [said]
            role = next((role for value, role in self.config.roles if value in values), self.config.default_role)
            if role is None:
                raise RightsError("the single sign-on gives you no role here; ask an administrator")
        wished = claims.get("preferred_username") or claims.get("email") or claims.get("name") or ""
        subject, newcomer = str(claims["sub"]), (role or self.config.default_role) if self.config.new_users else None
        return Vouched(f"{self.config.issuer}|{subject}", login_name(str(wished), subject), role, newcomer)

    def _metadata(self) -> dict[str, Any]:
        found = self._fetched(f"{self.config.issuer}/.well-known/openid-configuration")
        if str(found.get("issuer", "")).rstrip("/") != self.config.issuer:
            raise RightsError("the single sign-on calls itself by another name than SIGHTLINE_OIDC_ISSUER")
        return found

    def _endpoint(self, name: str) -> str:
        return str(self._metadata()[name])

    def _keys(self, *, fresh: bool = False) -> KeySet:
        return KeySet.import_key_set(cast(Any, self._fetched(self._endpoint("jwks_uri"), fresh=fresh)))

    def _fetched(self, url: str, *, fresh: bool = False) -> dict[str, Any]:
        with self._lock:
            at, content = self._found.get(url, (0.0, {}))
            if content and time.monotonic() - at < _KEPT_S and not fresh:
                return content
        try:
            answer = httpx.get(url, timeout=_TIMEOUT_S).raise_for_status().json()
        except (httpx.HTTPError, ValueError) as error:
            logger.warning("%s: %s", url, error)
            raise RightsError("the single sign-on does not answer; sign in with a password or try again later") from error
        if not isinstance(answer, dict):
            raise RightsError("the single sign-on does not answer as it should")
        with self._lock:
            self._found[url] = (time.monotonic(), answer)
        return answer


def login_name(wished: str, subject: str) -> str:
    """Return a name such as names are here: of small letters, digits and a few signs.

    Examples
    --------
    >>> login_name("Mira Müller", "7"), login_name("", "7")
    ('mira-muller', 'user-7902699b')
    """
    plain = unicodedata.normalize("NFKD", wished).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9._@-]+", "-", plain).lstrip("._@-").rstrip("-")[:64]
    return name or f"user-{hashlib.sha256(subject.encode()).hexdigest()[:8]}"
