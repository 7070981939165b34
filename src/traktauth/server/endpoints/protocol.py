"""The protocol's addresses: hear, check, do, answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.http.answers import Answer, in_json
from traktauth.server.http.heard import TooLarge, hear
from traktauth.server.ledger import TOKEN_PATHS
from traktauth.server.refusals import OUTCOMES, Invalid, Refusal, Unwritten
from traktauth.server.storage.base import StorageDown

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from traktauth.server.attempt import Spoken
    from traktauth.server.doors.base import Endpoint
    from traktauth.server.front import Direct
    from traktauth.server.realm import Realm
    from traktauth.server.storage.tables import Tables

RETRY_SECONDS = 5


def served(realm: Realm, endpoint: Endpoint) -> Direct:
    """Make what answers at one address."""
    issuer = realm.terms.issuer
    counts_grants = endpoint.path in TOKEN_PATHS

    async def done(scope: Scope, receive: Receive) -> Answer:
        said = await read(realm, endpoint, scope, receive)
        if counts_grants:
            realm.ledger.grant(endpoint.path, said.parameters.get("grant_type", ""))
        procedure = endpoint.chosen(said)

        def work(tables: Tables) -> object:
            return procedure.run(realm.attempt(said, tables))

        entry = realm.timeline.add(realm.clock(), scope["method"], endpoint.path, said)
        try:
            result = await (realm.storage.write(work) if endpoint.changes else realm.storage.read(work))
        except Exception as error:
            entry.failed(error)
            raise
        entry.outcome = result
        return endpoint.write(result, issuer)

    async def answered(scope: Scope, receive: Receive) -> Answer:
        if scope["method"] not in endpoint.methods:
            return Answer(404)  # both engines act as if the path were not there
        try:
            return await done(scope, receive)
        except OUTCOMES as outcome:
            return refused(endpoint, outcome)
        except StorageDown:
            return unavailable()

    return answered


async def read(realm: Realm, endpoint: Endpoint, scope: Scope, receive: Receive) -> Spoken:
    """Give what a request says.

    Raises:
        Refusal: its address cannot read it, which is noted.
        Invalid: the same, or it is too large.
    """
    try:
        return endpoint.read(await hear(scope, receive))
    except TooLarge:
        outcome: Exception = Invalid("The request is too large.", status=413, code="PAYLOAD_TOO_LARGE")
    except OUTCOMES as unread:
        outcome = unread
    realm.timeline.add(realm.clock(), scope["method"], endpoint.path).failed(outcome)
    raise outcome


def refused(endpoint: Endpoint, outcome: Refusal | Invalid | Unwritten) -> Answer:
    """Write a refusal as the address does, or as a bare status."""
    return Answer(outcome.status) if isinstance(outcome, Unwritten) else endpoint.refuse(outcome)


def unavailable() -> Answer:
    """Say that the database cannot be used at the moment; nothing was half done."""
    body = {"error": "temporarily_unavailable", "error_description": "The database cannot be used at the moment"}
    return in_json(503, body, {"retry-after": str(RETRY_SECONDS)})
