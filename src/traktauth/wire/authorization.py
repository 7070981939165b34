"""The authorization endpoint: the sign-in page's address, its response, and the server's metadata (RFC 8414)."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from urllib.parse import parse_qsl, urlencode, urlsplit

from traktauth.errors import LoginRefused
from traktauth.models.app import check_text
from traktauth.protocol import AUTHORIZE, Service
from traktauth.wire.error_responses import safe_error_code
from traktauth.wire.messages import USER_AGENT, Request, Response

_SINGLE = frozenset({"code", "state", "iss", "error"})
_MAX_ADDRESS = 65536


def s256_challenge(verifier: str) -> str:
    """Return the S256 challenge of a PKCE verifier (RFC 7636 section 4.2)."""
    return urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def authorization_url(
    service: Service,
    *,
    client_id: str,
    redirect_uri: str,
    response_type: str = "code",
    state: str | None = None,
    signup: bool | None = None,
    prompt: str | None = None,
    code_challenge: str | None = None,
    code_challenge_method: str = "S256",
) -> str:
    """Return the address to send the user to. Trakt: *Authorize Application*.

    Args:
        service: where; the website's host is used, never the API's.
        client_id: get this from your app settings.
        redirect_uri: URI specified in your app settings.
        response_type: must be `code`.
        state: state variable for CSRF purposes.
        signup: prefer the account sign-up page to be the default.
        prompt: `login` asks a user who is signed in to sign in again.
        code_challenge: of a PKCE verifier, RFC 7636.
        code_challenge_method: `S256`, the only one that Trakt takes today.

    Raises:
        ValueError: `response_type` is not `code`.
    """
    if response_type != "code":
        raise ValueError("response_type must be 'code'; Trakt grants nothing else")
    parameters = {
        "response_type": response_type,
        "client_id": client_id,
        "redirect_uri": redirect_uri,
        "state": state,
        "signup": None if signup is None else str(signup).lower(),
        "prompt": prompt,
        "code_challenge": code_challenge,
        "code_challenge_method": code_challenge_method if code_challenge else None,
    }
    query = urlencode({name: value for name, value in parameters.items() if value is not None})
    return f"{service.website}{AUTHORIZE}?{query}"


def check_state(state: str) -> None:
    """Check a state before it is sent.

    Raises:
        TypeError: it is not a `str`.
        ValueError: it is empty, or cannot be encoded.
    """
    check_text("state", state)
    if not state:
        raise ValueError("state must not be empty; leave it out for a sign-in without one")
    try:
        state.encode()
    except UnicodeEncodeError:
        raise ValueError("state must be text that UTF-8 can encode") from None


@dataclass(frozen=True, slots=True)
class AuthorizationResponse:
    """What the sign-in page sent back.

    Attributes:
        code: to be exchanged.
        iss: who answered, where the address says so.
        bare: a user copied the code alone; there was no address to check.
    """

    code: str = field(repr=False)
    iss: str | None = None
    bare: bool = False


def parse_authorization_response(address: str, *, state: str | None) -> AuthorizationResponse | LoginRefused | None:
    """Read a redirected address, or its query alone.

    Returns:
        The response; the error to raise if the page sent one; or None if it does not answer our request (another
        `state`, a repeated parameter, neither a code nor an error): such a visit must not end the wait.
    """
    parameters = _parameters(address)
    if parameters is None or (state is not None and parameters.get("state") != state):
        return None
    error = parameters.get("error")
    if error:
        return _refusal(error)
    code = parameters.get("code", "")
    if not code or any(not "!" <= character <= "~" for character in code):
        return None
    return AuthorizationResponse(code, parameters.get("iss"))


def _parameters(address: str) -> dict[str, str] | None:
    """Return the query's parameters, or None where one that counts is repeated (RFC 6749 section 3.1)."""
    if len(address) > _MAX_ADDRESS:
        return None
    try:
        query = urlsplit(address).query if "?" in address else address
        pairs = parse_qsl(query, keep_blank_values=True)
    except ValueError:
        return None
    names = [name for name, _ in pairs if name in _SINGLE]
    return None if len(names) != len(set(names)) else dict(pairs)


def _refusal(error: str) -> LoginRefused:
    if error == "access_denied":
        return LoginRefused("The sign-in was denied on Trakt's page", error=error)
    known = safe_error_code(error) or "unnamed_error"
    return LoginRefused(f"Trakt's page ended the sign-in: {known}", error=known)


def check_issuer(iss: str | None, *, service: Service, required: bool = False, issuer: str | None = None) -> None:
    """Check who answered (RFC 9207), so that no other server's code is sent to this one.

    Args:
        iss: as it came; None if the response names no issuer.
        service: who was asked.
        required: the service's metadata says that it always names itself.
        issuer: the `issuer` of that metadata, accepted beside the service's own.

    Raises:
        LoginRefused: another server answered, or none is named where one must be.
    """
    if iss is None:
        if required:
            raise LoginRefused(
                "The sign-in's answer names no issuer, though the service says it always does", error="iss"
            )
        return
    if service.issuer is None:
        trusted = _is_in_domain(iss, service.issuer_domain or "")
    else:
        trusted = iss in {service.issuer, f"{service.issuer}/", issuer}
    if not trusted:
        raise LoginRefused(
            "Another server than the one that was asked answered the sign-in (iss); its code was not used", error="iss"
        )


def _is_in_domain(iss: str, domain: str) -> bool:
    try:
        parts = urlsplit(iss)
    except ValueError:  # a host in brackets that is not an IPv6 address
        return False
    host = parts.hostname or ""
    return parts.scheme == "https" and (host == domain or host.endswith(f".{domain}"))


OK = 200


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a server says of itself.

    Attributes:
        issuer: its name, which its responses carry as `iss`.
        names_issuer: whether each of its responses carries it (RFC 9207).
    """

    issuer: str | None = None
    names_issuer: bool = False


def build_metadata_request(service: Service) -> Request:
    """Build the request for a base address's description."""
    headers = {"Accept": "application/json", "User-Agent": USER_AGENT}
    return Request("GET", f"{service.website}/.well-known/oauth-authorization-server", headers)


def parse_metadata(response: Response) -> Metadata:
    """Read the description; a server without one says nothing."""
    document = response.document() if response.status == OK else {}
    issuer = document.get("issuer")
    return Metadata(
        issuer if isinstance(issuer, str) else None,
        document.get("authorization_response_iss_parameter_supported") is True,
    )
