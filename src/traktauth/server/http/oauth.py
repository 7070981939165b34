"""The endpoints for tokens and about them: read the request, run its procedure in a transaction, write the response."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from traktauth.server.engines.base import Endpoint
from traktauth.server.errors import PROTOCOL_ERRORS, BareStatusError, OAuthError, ValidationError
from traktauth.server.http.context import ServerContext
from traktauth.server.http.exchange import APP, Exchange
from traktauth.server.messages import Handler, RequestTooLarge, read_body
from traktauth.server.oauth.request import TokenRequest
from traktauth.server.storage.repositories import Repositories
from traktauth.server.tokens import IssuedTokens


def make_handler(context: ServerContext, endpoint: Endpoint) -> Handler:
    """Return what handles the requests of an endpoint."""
    policy, clock = context.policy, context.clock
    run = context.database.write if endpoint.changes else context.database.read

    async def handle(request: Request) -> Response:
        exchange: Exchange = request.scope["exchange"]
        if exchange.method not in endpoint.methods:
            return Response(status_code=404)  # both engines answer as if the path did not exist
        exchange.source = APP

        def work(db: Repositories) -> object:
            try:
                return procedure.run(TokenRequest(db, policy, clock(), sent.parameters, sent.client_id, sent))
            finally:
                exchange.events, exchange.replayed = tuple(db.events), db.replayed

        try:
            sent = exchange.request = endpoint.read(request.headers, await read_body(request))
            procedure = endpoint.procedure or endpoint.grants[sent.parameters["grant_type"]]
            result = run(work)
        except (RequestTooLarge, *PROTOCOL_ERRORS) as error:
            return _refuse(exchange, endpoint, error)
        except Exception as error:
            exchange.fail(error)
            exchange.events = ()  # they were rolled back
            raise
        if isinstance(result, IssuedTokens):
            exchange.issued = (result,)
        elif result is False:
            exchange.is_effective = False
        return endpoint.write(result)

    return handle


def _refuse(exchange: Exchange, endpoint: Endpoint, error: Exception) -> Response:
    if isinstance(error, RequestTooLarge):
        error = ValidationError("The request is too large.", status=413, code="PAYLOAD_TOO_LARGE")
    exchange.fail(error)
    if isinstance(error, (OAuthError, ValidationError)):
        return endpoint.write_error(error)
    return Response(status_code=error.status if isinstance(error, BareStatusError) else 500)
