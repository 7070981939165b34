"""Are these scopes there to be asked for?"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traktauth.server.attempt import Attempt


def offered(attempt: Attempt) -> bool:
    """Hold where every scope asked for is one of the server's; without any, the default is taken."""
    asked = attempt.given("scope").strip() or attempt.terms.default_scope
    attempt.scope = " ".join(dict.fromkeys(asked.split()))
    return all(word in attempt.terms.scopes for word in asked.split())
