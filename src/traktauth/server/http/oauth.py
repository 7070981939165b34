"""The endpoints for tokens and about them: read the request, run its procedure in a transaction, write the response."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.server.engines.base import EndpointKind
from traktauth.server.errors import PROTOCOL_ERRORS, BareStatusError, ValidationError
from traktauth.server.messages import HttpResponse, RequestTooLarge, read_request
from traktauth.server.oauth.request import TokenRequest

if TYPE_CHECKING:
    from starlette.types import Receive, Scope

    from traktauth.server.engines.base import Endpoint
    from traktauth.server.http.context import ServerContext
    from traktauth.server.messages import Handler
    from traktauth.server.oauth.request import ClientRequest
    from traktauth.server.storage.repositories import Repositories


def make_handler(context: ServerContext, endpoint: Endpoint) -> Handler:
    """Return what handles the requests of an endpoint."""
    counts_grants = endpoint.kind is EndpointKind.TOKEN
    policy, clock, database = context.policy, context.clock, context.database

    def run(scope: Scope, sent: ClientRequest) -> HttpResponse:
        if counts_grants:
            context.metrics.grant(endpoint.path, sent.parameters.get("grant_type", ""))
        procedure = endpoint.procedure or endpoint.grants[sent.parameters["grant_type"]]
        entry = context.request_log.add(clock(), scope["method"], endpoint.path, sent)

        def work(db: Repositories) -> object:
            try:
                return procedure.run(TokenRequest(db, policy, clock(), sent))
            finally:
                entry.events, entry.replayed_pair = tuple(db.events), db.replayed_pair

        try:
            result = (database.write if endpoint.changes else database.read)(work)
        except Exception as error:
            entry.fail(error)
            raise
        entry.finish(result)
        return endpoint.write(result)

    async def handle(scope: Scope, receive: Receive) -> HttpResponse:
        if scope["method"] not in endpoint.methods:
            return HttpResponse(404)  # both engines answer as if the path did not exist
        try:
            try:
                request = await read_request(scope, receive)
                sent = endpoint.read(request)
            except (RequestTooLarge, *PROTOCOL_ERRORS) as error:
                raise _unread(context, endpoint, scope, error) from None
            return run(scope, sent)
        except PROTOCOL_ERRORS as error:
            return HttpResponse(error.status) if isinstance(error, BareStatusError) else endpoint.write_error(error)

    return handle


def _unread(context: ServerContext, endpoint: Endpoint, scope: Scope, error: Exception) -> Exception:
    """Log a request that its endpoint cannot read; return the error that answers it."""
    if isinstance(error, RequestTooLarge):
        error = ValidationError("The request is too large.", status=413, code="PAYLOAD_TOO_LARGE")
    context.request_log.add(context.clock(), scope["method"], endpoint.path).fail(error)
    return error
