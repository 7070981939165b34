"""One step of anybody's scheduler: renew what is due now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from traktauth.keeper.keeper import Keeper
from traktauth.keeper.plan import Pace, Plan
from traktauth.keeper.sending import sender
from traktauth.models import find_service
from traktauth.stores.addresses import open_async_store
from traktauth.stores.fleet import FleetStore

if TYPE_CHECKING:
    from collections.abc import Callable

    from traktauth.keeper.events import Event
    from traktauth.keeper.tally import Summary
    from traktauth.models import App
    from traktauth.protocol import Service
    from traktauth.stores.abase import AsyncTokenStore
    from traktauth.stores.base import TokenStore


async def renew_due(
    store: FleetStore | AsyncTokenStore | TokenStore | str,
    *,
    app: App,
    service: str | Service = "trakt",
    limit: int = 500,
    pace: Pace | None = None,
    tell: Callable[[Event], None] = lambda _event: None,
) -> Summary:
    """Renew what is due now, as one step of anybody's scheduler; safe to call at any moment, by many at once.

    Args:
        store: the fleet's store, or its address (PostgreSQL, Redis or SQLite).
        app: whose logins.
        service: where.
        limit: logins at the most.
        pace: how fast the service lets itself be asked.
        tell: hears what happens.

    Raises:
        ValueError: the store is none that a fleet can share.
        AppRejected: Trakt refuses the app; nothing was spent.
        StoreFailed: the store cannot be read or written.
    """
    opened = open_async_store(store)
    if not isinstance(opened, FleetStore):
        raise ValueError(  # noqa: TRY004 - an address is of one type, whatever store it names
            "A keeper needs a store that a fleet can share: postgresql://…, redis://… or sqlite:/PATH"
        )
    plan = Plan(app, find_service(service) if isinstance(service, str) else service, pace=pace or Pace())
    try:
        async with sender() as send:
            return await Keeper(opened, plan, send=send, tell=tell).run_once(limit)
    finally:
        if opened is not store:
            await opened.close()
