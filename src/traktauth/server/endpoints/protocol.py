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
        try:
            said = endpoint.read(await hear(scope, receive))
        except (TooLarge, *OUTCOMES) as error:
            raise unread(realm, endpoint, scope, error) from None
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


def unread(realm: Realm, endpoint: Endpoint, scope: Scope, error: Exception) -> Exception:
    """Note a request that its address cannot read; give what it is refused with."""
    if isinstance(error, TooLarge):
        error = Invalid("The request is too large.", status=413, code="PAYLOAD_TOO_LARGE")
    realm.timeline.add(realm.clock(), scope["method"], endpoint.path).failed(error)
    return error


def refused(endpoint: Endpoint, outcome: Refusal | Invalid | Unwritten) -> Answer:
    """Write a refusal as the address does, or as a bare status."""
    return Answer(outcome.status) if isinstance(outcome, Unwritten) else endpoint.refuse(outcome)


def unavailable() -> Answer:
    """Say that the database cannot be used at the moment; nothing was half done."""
    body = {"error": "temporarily_unavailable", "error_description": "The database cannot be used at the moment"}
    return in_json(503, body, {"retry-after": str(RETRY_SECONDS)})
