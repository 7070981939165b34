"""The endpoints for tokens and about them: read the request, run its procedure in a transaction, write the response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from traktauth.server.engines.base import EndpointKind
from traktauth.server.errors import PROTOCOL_ERRORS, BareStatusError, OAuthError, ValidationError
from traktauth.server.http.messages import HttpResponse, RequestTooLarge, read_request
from traktauth.server.limits.brute_force import too_many_guesses
from traktauth.server.oauth.request import TokenRequest

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from starlette.types import Receive, Scope

    from traktauth.server.context import ServerContext
    from traktauth.server.engines.base import Endpoint
    from traktauth.server.http.messages import Handler
    from traktauth.server.oauth.request import ClientRequest
    from traktauth.server.storage.repositories import Repositories


def make_handler(context: ServerContext, endpoint: Endpoint) -> Handler:
    """Return what handles the requests of an endpoint."""
    counts_grants = endpoint.kind is EndpointKind.TOKEN
    policy, clock, storage = context.policy, context.clock, context.storage

    async def run(scope: Scope, sent: ClientRequest) -> HttpResponse:
        if counts_grants:
            context.metrics.grant(endpoint.path, sent.parameters.get("grant_type", ""))
        procedure = endpoint.procedure or endpoint.grants[sent.parameters["grant_type"]]
        entry = context.request_log.add(clock(), scope["method"], endpoint.path, sent)

        def work(db: Repositories) -> object:
            earlier = len(db.events)  # those of other requests in the same transaction
            try:
                return procedure.run(TokenRequest(db, policy, clock(), sent))
            finally:
                entry.events = tuple(db.events[earlier:])

        try:
            result = await (storage.write(work) if endpoint.changes else storage.read(work))
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
            if endpoint.is_guarded and sent.client_secret:
                return await _guard(context, request.client, sent, run(scope, sent))
            return await run(scope, sent)
        except PROTOCOL_ERRORS as error:
            return HttpResponse(error.status) if isinstance(error, BareStatusError) else endpoint.write_error(error)

    return handle


def _unread(context: ServerContext, endpoint: Endpoint, scope: Scope, error: Exception) -> Exception:
    """Log a request that its endpoint cannot read; return the error that answers it."""
    if isinstance(error, RequestTooLarge):
        error = ValidationError("The request is too large.", status=413, code="PAYLOAD_TOO_LARGE")
    context.request_log.add(context.clock(), scope["method"], endpoint.path).fail(error)
    return error


async def _guard(
    context: ServerContext, address: str, sent: ClientRequest, run: Coroutine[Any, Any, HttpResponse]
) -> HttpResponse:
    """Run a request with a client's secret, unless too many wrong ones were sent."""
    guesses = context.guesses.client_secrets
    async with guesses.guess(sent.client_id, sent.client_secret, address, context.clock) as guess:
        if guess.wait > 0:
            run.close()
            return too_many_guesses(guess.wait)
        try:
            return await run
        except OAuthError as error:  # any other error says nothing of the secret
            guess.wrong = error.error == "invalid_client"
            raise
