"""One client in a process of its own. Usage: worker.py CLIENT BASE; each line on stdin is a number of requests to time.

Answers each line with the median microseconds of a request; the line `memory` with resident kilobytes.
"""

import os
import statistics
import sys
import tempfile
import time

PATH = "/users/settings"
CLIENT_ID = "c" * 64
TOKEN = "A" * 64
HEADERS = {"Content-Type": "application/json", "trakt-api-version": "2", "trakt-api-key": CLIENT_ID}
PAIR = {"access_token": TOKEN, "refresh_token": "R" * 64, "token_type": "bearer", "expires_in": 604800}


def httpx2_bare(base):
    import httpx2

    client = httpx2.Client()
    headers = {**HEADERS, "Authorization": f"Bearer {TOKEN}"}
    return lambda: client.request("GET", base + PATH, headers=headers).status_code


def traktauth(base):
    from traktauth import App, Token, Trakt
    from traktauth.models.changes import SaveToken

    app = App(CLIENT_ID, client_secret="s" * 64)
    store = f"file:{tempfile.mkdtemp()}/tokens.json"
    trakt = Trakt(app, service=base, store=store)
    token = Token(TOKEN, "R" * 64, expires_in=604800, expires_at=time.time() + 604800, generation=1)
    trakt.store.apply(trakt.config.key, SaveToken(token, after=0, at=time.time()))
    return lambda: trakt.request("GET", PATH).status_code


def traktauth_auth(base):
    import httpx2

    from traktauth import App, Token, Trakt
    from traktauth.models.changes import SaveToken

    trakt = Trakt(App(CLIENT_ID, client_secret="s" * 64), service=base, store=f"file:{tempfile.mkdtemp()}/tokens.json")
    token = Token(TOKEN, "R" * 64, expires_in=604800, expires_at=time.time() + 604800, generation=1)
    trakt.store.apply(trakt.config.key, SaveToken(token, after=0, at=time.time()))
    client = httpx2.Client(auth=trakt.auth)
    return lambda: client.request("GET", base + PATH).status_code


def authlib(base):
    from authlib.integrations.httpx_client import OAuth2Client

    client = OAuth2Client(CLIENT_ID, "s" * 64, token={**PAIR, "expires_at": time.time() + 604800})
    return lambda: client.request("GET", base + PATH, headers=HEADERS).status_code


def requests_oauthlib(base):
    os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
    from requests_oauthlib import OAuth2Session

    session = OAuth2Session(CLIENT_ID, token={**PAIR, "expires_at": time.time() + 604800})
    return lambda: session.request("GET", base + PATH, headers=HEADERS).status_code


def pytrakt(base):
    import trakt.core
    from trakt.core import api

    trakt.core.BASE_URL = base + "/"
    trakt.core.CLIENT_ID, trakt.core.CLIENT_SECRET = CLIENT_ID, "s" * 64
    trakt.core.OAUTH_TOKEN, trakt.core.OAUTH_REFRESH = TOKEN, "R" * 64
    trakt.core.OAUTH_EXPIRES_AT = int(time.time()) + 604800
    trakt.core.CONFIG_PATH = os.path.join(tempfile.mkdtemp(), "pytrakt.json")
    client = api()
    client.BASE_URL = base + "/"
    return lambda: client.get(PATH.lstrip("/"))


def resident():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:"))


def main(client, base):
    call = globals()[client](base)
    assert call()
    time.sleep(0.1)  # until the store's file has settled
    for line in sys.stdin:
        if line.strip() == "memory":
            print(resident(), flush=True)
            continue
        times = []
        for _ in range(int(line)):
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
        print(statistics.median(times) * 1e6, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
