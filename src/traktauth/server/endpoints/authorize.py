"""The addresses that a browser is sent to: Trakt's, the engine's own, and the one that goes on after signing in."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from traktauth.protocol import OUT_OF_BAND
from traktauth.server.authorization.ending import ending
from traktauth.server.authorization.wish import AtClient, ConsentFirst, Ending, OnPage, SignInFirst, Wish
from traktauth.server.http.answers import Answer, in_json, sent_to
from traktauth.server.redirects import with_fragment, with_query

if TYPE_CHECKING:
    from traktauth.server.realm import Realm
    from traktauth.server.storage.records import Person, Session
    from traktauth.server.storage.tables import Tables

NATIVE_PAGE = "/oauth/authorize/native"


class Visitor(NamedTuple):
    """Who sits at the browser, if anyone is signed in."""

    session: Session
    person: Person


class Ended(NamedTuple):
    """How a request ended, with the wish that had been looked at."""

    ending: Ending
    wish: Wish


def judged(
    realm: Realm, tables: Tables, said: dict[str, str], visitor: Visitor | None, *, decision: str | None = None
) -> Ended:
    """Say how an authorization request ends for a visitor."""
    session, person = visitor or (None, None)
    wish = Wish(said, tables, realm.terms, realm.clock(), session, person)
    return Ended(ending(realm.profile.authorize, wish, decision=decision), wish)


def location_of(realm: Realm, end: AtClient, *, native: bool) -> str | None:
    """Give the address that an answer to the client is sent to, None where it stands on a page of ours.

    Trakt shows an out-of-band code on a page; the engine itself sends the browser to the `urn:`.
    """
    if end.redirect_uri == OUT_OF_BAND and not native:
        code = end.parameters.get("code")
        return f"{realm.terms.issuer}{NATIVE_PAGE}?{urlencode({'code': code})}" if code else None
    if end.mode == "form_post":
        return None
    return (with_fragment if end.mode == "fragment" else with_query)(end.redirect_uri, end.parameters)


def native_answer(realm: Realm, end: Ending, said: dict[str, str], *, wants_json: bool) -> Answer:
    """Answer as the engine's own address does: always by a redirect, or by JSON that names it."""
    if isinstance(end, AtClient):
        location = location_of(realm, end, native=True) or ""
    elif isinstance(end, OnPage):
        location = f"{realm.terms.issuer}/api/auth/error?" + urlencode(
            {"error": end.error, "error_description": end.description}
        )
    else:
        location = own_page(end, said)
    return in_json(200, {"redirect": True, "url": location}) if wants_json else sent_to(location)


def own_page(end: SignInFirst | ConsentFirst, said: dict[str, str]) -> str:
    """Give the address of the page where the person is asked, carrying the request along."""
    if isinstance(end, ConsentFirst):
        return f"/consent?{urlencode(said)}"
    return f"/{'sign-up' if end.new else 'sign-in'}?{urlencode(said)}"
