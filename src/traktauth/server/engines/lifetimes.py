"""How long tokens, codes and sessions are valid at each engine, in seconds, unless the settings override it."""

from __future__ import annotations

from traktauth.server.tokens import Lifetimes

BETTER_AUTH = Lifetimes(access=604_800, refresh=2_592_000, code=600, device=600, session=5_184_000)
DOORKEEPER = Lifetimes(access=86_400, refresh=None, code=600, device=600, session=5_184_000)
