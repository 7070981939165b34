"""Is it there?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.server.attempt import Attempt


def given(name: str) -> Callable[[Attempt], bool]:
    """Hold where a parameter is given; whether blanks are as good as nothing is the door's to say."""

    def holds(attempt: Attempt) -> bool:
        attempt.detail = name
        return bool(attempt.given(name))

    return holds


def one_way_of_proof(attempt: Attempt) -> bool:
    """Hold unless a secret came twice, by HTTP Basic and in the body (RFC 6749 section 2.3)."""
    return not attempt.said.twice


def names_app(attempt: Attempt) -> bool:
    """Hold where the client says who it is."""
    attempt.detail = "client_id"
    return bool(attempt.said.client_id)


def gives_secret(attempt: Attempt) -> bool:
    """Hold where the client sends a secret."""
    return bool(attempt.said.client_secret)


def gives_proof(attempt: Attempt) -> bool:
    """Hold where a code comes with a secret, a verifier or both."""
    return bool(attempt.said.client_secret or attempt.given("code_verifier"))


def resource_known(attempt: Attempt) -> bool:
    """Hold where no resource is asked for, or one that is there (RFC 8707 section 2.2); an empty one is none."""
    base = f"{attempt.terms.issuer}/api/auth"
    there = (base, f"{base}/oauth2/userinfo") if "openid" in attempt.scope.split() else (base,)
    return attempt.said.parameters.get("resource", base) in there
