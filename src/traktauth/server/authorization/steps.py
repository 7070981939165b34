"""Rules that an authorization request is held to; profiles put them in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.redirects import is_registered

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.server.authorization.wish import Wish


def given(name: str) -> Callable[[Wish], bool]:
    """Hold where a parameter is given."""

    def holds(wish: Wish) -> bool:
        wish.detail = name
        return bool(wish.asked(name).strip())

    return holds


def absent(name: str) -> Callable[[Wish], bool]:
    """Hold where a parameter is absent."""
    return lambda wish: not wish.asked(name)


def no_prompt(word: str) -> Callable[[Wish], bool]:
    """Hold where `prompt` does not have this word."""
    return lambda wish: word not in wish.prompts


def app_named(wish: Wish) -> bool:
    """Hold where the app says who it is."""
    wish.detail = "client_id"
    return bool(wish.asked("client_id").strip())


def app_known(wish: Wish) -> bool:
    """Hold where there is an app with this client id; finds it."""
    wish.app = wish.tables.apps.named(wish.asked("client_id"))
    return wish.app is not None


def app_enabled(wish: Wish) -> bool:
    """Hold where the app has not been switched off."""
    return wish.app is not None and not wish.app.disabled


def redirect_registered(wish: Wish) -> bool:
    """Hold where the redirect address is one of the app's, up to a loopback port."""
    asked = wish.asked("redirect_uri")
    return bool(asked) and wish.app is not None and is_registered(asked, wish.app.redirects)


def wants_code(wish: Wish) -> bool:
    """Hold where a code is asked for."""
    return wish.asked("response_type") == "code"


def mode_known(wish: Wish) -> bool:
    """Hold where the answer is wanted in the query, the fragment or a form, or nothing is said about it."""
    return wish.asked("response_mode").strip() in ("", "query", "fragment", "form_post")


def scopes_offered(wish: Wish) -> bool:
    """Hold where every scope asked for is one of the server's; without the parameter, all of them are meant."""
    if "scope" not in wish.parameters:
        wish.scope = " ".join(wish.terms.scopes)
        return True
    words = wish.asked("scope").split()
    wish.scope = wish.asked("scope")
    wish.detail = ", ".join(word for word in words if word not in wish.terms.scopes)
    return not wish.detail


def scopes_offered_or_default(wish: Wish) -> bool:
    """Hold where every scope asked for is one of the server's; without any, the default is meant."""
    wish.scope = wish.asked("scope").strip() or wish.terms.default_scope
    return all(word in wish.terms.scopes for word in wish.scope.split())


def challenge_if_public(wish: Wish) -> bool:
    """Hold where a public app makes a challenge."""
    return challenge_whole(wish) or wish.app is None or wish.app.confidential


def challenge_if_offline(wish: Wish) -> bool:
    """Hold where a challenge is made, or no refresh token is asked for."""
    return challenge_whole(wish) or "offline_access" not in wish.scope.split()


def challenge_if_required(wish: Wish) -> bool:
    """Hold where a challenge is made, or the app does not ask for one."""
    return challenge_whole(wish) or wish.app is None or not wish.app.require_pkce


def challenge_whole(wish: Wish) -> bool:
    """Hold where challenge and method are both there."""
    return bool(wish.asked("code_challenge") and wish.asked("code_challenge_method"))


def challenge_whole_or_absent(wish: Wish) -> bool:
    """Hold where challenge and method are both there, or neither."""
    return bool(wish.asked("code_challenge")) == bool(wish.asked("code_challenge_method"))


def challenge_by_s256(wish: Wish) -> bool:
    """Hold where no challenge is made, or one by S256; without a method it would be plain (RFC 7636 section 4.3)."""
    method = wish.asked("code_challenge_method").strip()
    return method == "S256" if wish.asked("code_challenge").strip() else not method


def method_known(wish: Wish) -> bool:
    """Hold where no challenge is made, or by a method that Doorkeeper knows."""
    return not wish.asked("code_challenge").strip() or wish.asked("code_challenge_method") in ("plain", "S256")
