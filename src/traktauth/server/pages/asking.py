"""Authorization requests at the browser: start, consent, the out-of-band code, and what goes wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.protocol import OUT_OF_BAND
from traktauth.server.authorization.wish import AtClient, ConsentFirst, OnPage
from traktauth.server.control.people import without_prompts
from traktauth.server.endpoints.authorize import Ended, judged, location_of, native_answer, own_page
from traktauth.server.http.answers import Answer, in_json, sent_to
from traktauth.server.http.encodings import pairs_of_form
from traktauth.server.pages.visit import message
from traktauth.server.pages.words import in_words
from traktauth.server.redirects import host_of
from traktauth.server.refusals import Invalid

if TYPE_CHECKING:
    from traktauth.server.pages.visit import Visit

PERMISSIONS = {
    "public": "See your public profile, and read and write your history, ratings, lists and collection",
    "openid": "Know who you are",
    "profile": "See your name",
    "email": "See your e-mail address",
    "offline_access": "Stay signed in until you revoke it",
}


async def authorize(visit: Visit) -> Answer:
    """Trakt: *Authorize Application*, at Trakt's own address: whatever is wrong is said on a page."""
    return await ended(visit, visit.realm.profile.authorize.prepare(visit.query, visit.realm.terms))


async def authorize_natively(visit: Visit) -> Answer:
    """The same at the engine's own address, in the engine's own way."""
    realm, headers = visit.realm, visit.heard.headers
    try:
        said = realm.profile.authorize.read(pairs_of_form(visit.heard.query))
    except Invalid as error:
        return in_json(error.status, {"message": error.message, "code": error.code})
    end = (await realm.storage.write(lambda tables: judged(realm, tables, said, visit.visitor))).ending
    wants_json = "application/json" in headers.get("accept", "") or headers.get("sec-fetch-mode") == "cors"
    return native_answer(realm, end, said, wants_json=wants_json)


async def consent(visit: Visit) -> Answer:
    """Go on with a request after the person has signed in; show the consent page where they have to be asked.

    The address can be opened by anyone with any query, so it is read as strictly as the one that a client sends.
    """
    return await ended(visit, visit.query)


async def decide(visit: Visit) -> Answer:
    """Hear what the person decided."""
    decision = visit.form.get("decision", "")
    if decision not in ("approve", "deny"):
        return message(visit, "Nothing was decided", "Go back and choose one of the two buttons.", 400)
    return await ended(visit, visit.query, decision=decision)


async def ended(visit: Visit, query: list[tuple[str, str]], *, decision: str | None = None) -> Answer:
    """Take the browser where a request ends, once it has been read; a decision heeds the prompt that asked for it."""
    realm = visit.realm
    try:
        said = realm.profile.authorize.read(query)
    except Invalid as error:
        return wrong(visit, error.message)
    if decision is not None:
        said = without_prompts(said, "consent")
    outcome = await realm.storage.write(lambda tables: judged(realm, tables, said, visit.visitor, decision=decision))
    end = outcome.ending
    if isinstance(end, OnPage):
        return wrong(visit, end.description)
    if isinstance(end, AtClient):
        return _at_client(visit, end, after_form=decision is not None)
    if isinstance(end, ConsentFirst) and visit.heard.path == "/consent":
        return _ask(visit, outcome)
    return sent_to(own_page(end, said))


async def show_code(visit: Visit) -> Answer:
    """Show an out-of-band code."""
    code = visit.said.get("code", "")
    if not code:
        return message(visit, "There is no code", "Start again at the app that sent you here.", 400)
    return visit.show("code", title="Your code", code=code, life=in_words(visit.realm.terms.lives.code))


async def show_error(visit: Visit) -> Answer:
    """Say what is wrong with a request that came to the engine's own address."""
    return wrong(visit, visit.said.get("error_description", "") or visit.said.get("error", ""))


def wrong(visit: Visit, why: str) -> Answer:
    """Say that a request cannot be served, and why; never a redirect, as the address may be anybody's."""
    return visit.show("wrong", status=400, title="This sign-in cannot go on", why=why)


def _ask(visit: Visit, outcome: Ended) -> Answer:
    wish = outcome.wish
    redirect = wish.asked("redirect_uri")
    return visit.show(
        "consent",
        leads_to=redirect,
        title="Allow this app?",
        app=wish.app,
        permissions=[PERMISSIONS[word] for word in wish.scope.split() if word in PERMISSIONS],
        host=host_of(redirect),
        out_of_band=redirect == OUT_OF_BAND,
    )


def _at_client(visit: Visit, end: AtClient, *, after_form: bool) -> Answer:
    location = location_of(visit.realm, end, native=False)
    if location is not None:
        return sent_to(location, 303 if after_form else 302)
    if end.mode == "form_post":
        return visit.show("form_post", leads_to=end.redirect_uri, title="Back to the app", end=end)
    if end.parameters.get("error") == "access_denied":
        return message(visit, "You said no", "The app was not let in. You can close this window.", 200, kind="denied")
    return wrong(visit, end.parameters.get("error_description", ""))
