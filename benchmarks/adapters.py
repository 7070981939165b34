"""What an adapter adds to a request: bare client and adapter side by side, on kept connections, interleaved.

Usage: python benchmarks/adapters.py [ROUNDS]. Needs the extras requests, httpx, aiohttp, pyreqwest and server. Authlib
and requests-oauthlib are measured if they are installed. A line a client: the fastest batch of each, as other programs
only ever add time. *pass* is a middleware that does nothing: what the library itself takes for one. The local Trakt has
a process of its own.
"""

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
import time

from traktauth import App, AsyncTrakt, Token, Trakt
from traktauth.testing import LocalTrakt

BATCH = 10
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"  # the local Trakt is on plain http


def report(name, times):
    """Print a client's line: seconds a request in the fastest batch of each kind, and what the adapter adds."""
    best = {kind: min(found) for kind, found in times.items()}
    line = "  ".join(f"{kind} {seconds * 1e6:7.0f} us" for kind, seconds in best.items())
    added = "".join(
        f"  {(best['adapter'] / best[kind] - 1) * 100:+5.1f} % on {kind}" for kind in best if kind in ("bare", "pass")
    )
    print(f"{name:<18} {line}{added}", flush=True)
    return best


def measure(name, rounds, calls):
    """Time batches of each kind of call, in turn."""
    times = {kind: [] for kind in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for kind, call in calls.items():
            began = time.perf_counter()
            for _ in range(BATCH):
                call()
            times[kind].append((time.perf_counter() - began) / BATCH)
    return report(name, times)


async def measure_async(name, rounds, calls):
    """Do the same for coroutine functions."""
    times = {kind: [] for kind in calls}
    for call in calls.values():
        await call()
    for _ in range(rounds):
        for kind, call in calls.items():
            began = time.perf_counter()
            for _ in range(BATCH):
                await call()
            times[kind].append((time.perf_counter() - began) / BATCH)
    return report(name, times)


def serve():
    """Run a local Trakt until stdin ends, and print what a client needs: its address, the app and a token."""
    with LocalTrakt() as server:
        trakt = Trakt(server.app, service=server.url, store="memory:", clock=server.clock)
        server.sign_in_at(trakt)
        token = trakt.token()
        app = {"client_id": server.app.client_id, "client_secret": server.app.client_secret}
        times = {"expires_in": token.expires_in, "expires_at": token.expires_at}
        print(json.dumps([server.url, app, {"access_token": token.access_token, **times}]), flush=True)
        sys.stdin.read()


def main(rounds):
    command = [sys.executable, __file__, "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        service, app, token = json.loads(server.stdout.readline())
        app, token, url, found = App(**app), Token(**token), f"{service}/users/settings", {}
        with Trakt(app, service=service, store="memory:") as trakt:
            trakt.adopt(token)
            headers = dict(trakt.attempt(url).headers)
            blocking(trakt, url, headers, rounds, found)
        asyncio.run(in_loop(AsyncTrakt(app, service=service, store="memory:"), token, url, headers, rounds, found))
        server.stdin.close()
    fastest = found["pyreqwest"]["adapter"]
    for name in ("requests-oauthlib", "Authlib"):
        if name in found:
            print(f"pyreqwest with traktauth is {found[name]['client'] / fastest:.1f} x as fast as {name}")


def pass_on(request, next_handler):
    """Do nothing, as a blocking middleware."""
    return next_handler.run(request)


async def pass_on_async(request, next_handler):
    """Do nothing, as pyreqwest's async middleware."""
    return await next_handler.run(request)


async def pass_on_aiohttp(request, handler):
    """Do nothing, as aiohttp's middleware."""
    return await handler(request)


def blocking(trakt, url, headers, rounds, found):
    import httpx
    import httpx2
    import requests
    from pyreqwest.client import SyncClientBuilder

    from traktauth.adapters.httpx import TraktAuth as HttpxAuth
    from traktauth.adapters.pyreqwest import SyncTraktMiddleware
    from traktauth.adapters.requests import TraktAuth

    bare, mine = requests.Session(), requests.Session()
    bare.headers.update(headers)
    mine.auth = TraktAuth(trakt)
    found["requests"] = measure("requests", rounds, {"bare": lambda: bare.get(url), "adapter": lambda: mine.get(url)})
    with httpx.Client(headers=headers) as bare, httpx.Client(auth=HttpxAuth(trakt)) as mine:
        found["httpx"] = measure("httpx", rounds, {"bare": lambda: bare.get(url), "adapter": lambda: mine.get(url)})
    with httpx2.Client(headers=headers) as bare, httpx2.Client(auth=trakt.auth) as mine:
        found["httpx2"] = measure("httpx2", rounds, {"bare": lambda: bare.get(url), "adapter": lambda: mine.get(url)})
    with (
        SyncClientBuilder().default_headers(headers).build() as bare,
        SyncClientBuilder().default_headers(headers).with_middleware(pass_on).build() as idle,
        SyncClientBuilder().with_middleware(SyncTraktMiddleware(trakt)).build() as mine,
    ):
        calls = {
            "bare": lambda: bare.get(url).build().send(),
            "pass": lambda: idle.get(url).build().send(),
            "adapter": lambda: mine.get(url).build().send(),
        }
        found["pyreqwest"] = measure("pyreqwest", rounds, calls)
    token = {"access_token": trakt.token().access_token, "token_type": "Bearer", "expires_at": time.time() + 9e5}
    if importlib.util.find_spec("requests_oauthlib"):
        from requests_oauthlib import OAuth2Session

        session = OAuth2Session(trakt.config.app.client_id, token=token)
        session.headers["trakt-api-key"] = trakt.config.app.client_id
        found["requests-oauthlib"] = measure("requests-oauthlib", rounds, {"client": lambda: session.get(url)})
    if importlib.util.find_spec("authlib"):
        from authlib.integrations.requests_client import OAuth2Session as AuthlibSession

        client = AuthlibSession(trakt.config.app.client_id, token=token)
        client.headers["trakt-api-key"] = trakt.config.app.client_id
        found["Authlib"] = measure("Authlib", rounds, {"client": lambda: client.get(url)})


async def in_loop(trakt, token, url, headers, rounds, found):
    import aiohttp
    import httpx
    import httpx2
    from pyreqwest.client import ClientBuilder

    from traktauth.adapters.aiohttp import TraktMiddleware
    from traktauth.adapters.httpx import AsyncTraktAuth
    from traktauth.adapters.pyreqwest import TraktMiddleware as PyreqwestMiddleware

    async with trakt:
        await trakt.adopt(token)

        async def aiohttp_get(session):
            async with session.get(url) as response:
                await response.read()

        async with (
            aiohttp.ClientSession(headers=headers) as bare,
            aiohttp.ClientSession(headers=headers, middlewares=(pass_on_aiohttp,)) as idle,
            aiohttp.ClientSession(middlewares=(TraktMiddleware(trakt),)) as mine,
        ):
            calls = {
                "bare": lambda: aiohttp_get(bare),
                "pass": lambda: aiohttp_get(idle),
                "adapter": lambda: aiohttp_get(mine),
            }
            found["aiohttp"] = await measure_async("aiohttp", rounds, calls)
        async with httpx.AsyncClient(headers=headers) as bare, httpx.AsyncClient(auth=AsyncTraktAuth(trakt)) as mine:
            calls = {"bare": lambda: bare.get(url), "adapter": lambda: mine.get(url)}
            found["httpx async"] = await measure_async("httpx async", rounds, calls)
        async with httpx2.AsyncClient(headers=headers) as bare, httpx2.AsyncClient(auth=trakt.auth) as mine:
            calls = {"bare": lambda: bare.get(url), "adapter": lambda: mine.get(url)}
            found["httpx2 async"] = await measure_async("httpx2 async", rounds, calls)
        async with (
            ClientBuilder().default_headers(headers).build() as bare,
            ClientBuilder().default_headers(headers).with_middleware(pass_on_async).build() as idle,
            ClientBuilder().with_middleware(PyreqwestMiddleware(trakt)).build() as mine,
        ):
            calls = {
                "bare": lambda: bare.get(url).build().send(),
                "pass": lambda: idle.get(url).build().send(),
                "adapter": lambda: mine.get(url).build().send(),
            }
            found["pyreqwest async"] = await measure_async("pyreqwest async", rounds, calls)


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        serve()
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 120)
