"""Is it a code that this app may exchange, here and now?"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from typing import TYPE_CHECKING

from traktauth.server.finding import code_of
from traktauth.server.redirects import same_but_for_loopback_port
from traktauth.server.rotation.base import REVOKED, ROTATED

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt

FORMED = re.compile(r"[A-Za-z0-9._~-]{43,128}")


def look_up(attempt: Attempt) -> bool:
    """Find the code; holds in any case."""
    attempt.code = code_of(attempt.tables, attempt.given("code"))
    attempt.scope = attempt.code.scope if attempt.code else ""
    return True


def accessible(attempt: Attempt) -> bool:
    """Hold where the code was found, is not spent and has not expired."""
    code = attempt.code
    if code is None:
        return False
    if code.spent and attempt.terms.strict:
        end_what_came_of(attempt)
    return not code.spent and code.expires > attempt.now


def spent_by_this(attempt: Attempt) -> bool:
    """Hold where the code is good and it is this request that spends it. What fails after this check burns the code."""
    look_up(attempt)
    return accessible(attempt) and attempt.code is not None and attempt.tables.codes.spend(attempt.code.id)


def spent_at_last(attempt: Attempt) -> bool:
    """Hold where it is this request that spends the code found before."""
    return attempt.code is not None and attempt.tables.codes.spend(attempt.code.id)


def of_named_app(attempt: Attempt) -> bool:
    """Hold where the code was issued to the app that is named; finds the app."""
    attempt.app = attempt.tables.apps.named(attempt.said.client_id)
    return attempt.app is not None and attempt.code is not None and attempt.code.app == attempt.app.id


def of_proven_app(attempt: Attempt) -> bool:
    """Hold where the code was issued to the app that has proven itself."""
    return attempt.code is not None and attempt.app is not None and attempt.code.app == attempt.app.id


def same_redirect(attempt: Attempt) -> bool:
    """Hold where the redirect address is the one that the code was sent to."""
    return attempt.code is not None and attempt.code.redirect_uri == attempt.given("redirect_uri")


def like_redirect(attempt: Attempt) -> bool:
    """Hold where the redirect address is the one that the code was sent to, whatever a loopback address's port."""
    code = attempt.code
    return code is not None and same_but_for_loopback_port(attempt.given("redirect_uri"), code.redirect_uri)


def verifier_if_needed(attempt: Attempt) -> bool:
    """Hold where a verifier came or none is needed (public apps, `offline_access`, apps that want it)."""
    app = attempt.app
    needed = app is None or not app.confidential or app.require_pkce or "offline_access" in attempt.scope.split()
    return not needed or bool(attempt.given("code_verifier"))


def verifier_if_challenged(attempt: Attempt) -> bool:
    """Hold where a verifier came or no challenge was made."""
    challenged = attempt.code is not None and bool(attempt.code.challenge)
    return not challenged or bool(attempt.given("code_verifier"))


def challenged_if_verifier(attempt: Attempt) -> bool:
    """Hold where a challenge was made or no verifier came (RFC 9700 section 2.1.1: a downgrade)."""
    challenged = attempt.code is not None and bool(attempt.code.challenge)
    return challenged or not attempt.given("code_verifier")


def verifier_formed(attempt: Attempt) -> bool:
    """Hold where no verifier came, or one of the characters and the length of RFC 7636 section 4.1."""
    verifier = attempt.given("code_verifier")
    return not verifier or FORMED.fullmatch(verifier) is not None


def verifier_right(attempt: Attempt) -> bool:
    """Hold where the verifier is the challenge's, or neither is there (RFC 7636 section 4.6)."""
    code, verifier = attempt.code, attempt.given("code_verifier")
    if code is None or not code.challenge:
        return not verifier
    made = s256(verifier) if code.method == "S256" else verifier
    return hmac.compare_digest(made.encode("utf-8", "surrogatepass"), code.challenge.encode("utf-8", "surrogatepass"))


def scopes_allowed(attempt: Attempt) -> bool:
    """Hold where the app may have every scope of the code; a code for none is for the scope without a name."""
    for word in attempt.scope.split(" "):
        attempt.detail = word
        if word not in attempt.terms.scopes:
            return False
    return True


def session_lives(attempt: Attempt) -> bool:
    """Hold where the sign-in that the code came from has not ended."""
    session = attempt.tables.people.session(attempt.code.session) if attempt.code else None
    return session is not None and session.expires > attempt.now


def s256(verifier: str) -> str:
    """Make the challenge of a verifier (RFC 7636 section 4.2)."""
    made = hashlib.sha256(verifier.encode("utf-8", "surrogatepass")).digest()
    return base64.urlsafe_b64encode(made).rstrip(b"=").decode()


def end_what_came_of(attempt: Attempt) -> None:
    """Revoke the pair that a reused code was exchanged for, or all that came of it since (RFC 6749 section 4.1.2)."""
    pair = attempt.tables.pairs.numbered(attempt.code.pair) if attempt.code and attempt.code.pair else None
    if pair is None:
        return
    attempt.tables.pairs.end_access(pair.id, REVOKED)
    if not attempt.tables.pairs.end_refresh(pair.id, REVOKED) and pair.refresh_ended == ROTATED:
        attempt.tables.pairs.kill_family(pair.app, pair.person, epoch=pair.family_epoch)
