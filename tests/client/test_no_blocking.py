"""AsyncTrakt does no blocking work in an event loop: what Home Assistant looks for raises here."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, builtins, glob, importlib, os, pathlib, ssl, sys, threading, time

base, address, library = sys.argv[1:]
calls = []

def guard(owner, name):
    real = getattr(owner, name)

    def checked(*arguments, **named):
        if asyncio._get_running_loop() is not None:
            calls.append(f"{owner.__name__}.{name}{arguments[:2]}")
            raise RuntimeError(f"blocking call to {owner.__name__}.{name}")
        return real(*arguments, **named)

    setattr(owner, name, checked)

def watch_imports():
    class Finder:
        def find_spec(self, name, path=None, target=None):
            if asyncio._get_running_loop() is not None and name != "greenlet":
                calls.append(f"import {name}")

    sys.meta_path.insert(0, Finder())

from traktauth import App, AsyncTrakt, Trakt
app = App("client-id", client_secret="secret-canary", redirect_uri="http://127.0.0.1:9876/callback")

for owner, names in (
    (builtins, ["open"]),
    (pathlib.Path, ["open", "read_text", "read_bytes", "write_text", "write_bytes"]),
    (os, ["listdir", "scandir", "walk"]),
    (glob, ["glob", "iglob"]),
    (importlib, ["import_module"]),
    (ssl.SSLContext, ["load_default_certs", "load_verify_locations", "load_cert_chain", "set_default_verify_paths"]),
    (time, ["sleep"]),
):
    for name in names:
        guard(owner, name)
if library == "imports":
    watch_imports()

async def main():
    async with AsyncTrakt(app, service=base, store=address) as trakt:
        await trakt.login("device", prompt=lambda step: None)
        assert (await trakt.request("GET", "/users/settings")).status_code == 200
        first = await trakt.token()
        second = await trakt.refresh()
        assert second.generation == first.generation + 1
        assert (await trakt.request("GET", "/users/settings")).status_code == 200
        await trakt.logout()
    print("done")

asyncio.run(main())
print(*calls, sep="\\n")
"""


@pytest.mark.parametrize(
    "store",
    [
        "file:{}/tokens.json",
        pytest.param("memory:", marks=pytest.mark.slow),
        pytest.param("sqlite:{}/tokens.db", marks=pytest.mark.slow),
    ],
)
def test_no_blocking_call_is_made_in_a_loop(store, trakt_server, tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, trakt_server.base, store.format(tmp_path), "calls"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (run.stdout.split(), run.returncode) == (["done"], 0), run.stdout + run.stderr


@pytest.mark.slow
def test_no_module_of_the_http_library_is_imported_in_a_loop(trakt_server, tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, trakt_server.base, f"file:{tmp_path}/tokens.json", "imports"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    done, *imported = run.stdout.splitlines()
    assert done == "done", run.stderr
    heavy = {"httpx2", "httpcore2", "h11", "anyio", "ssl", "truststore", "idna", "encodings", "concurrent", "urllib"}
    assert [line for line in imported if line.split()[1].partition(".")[0] in heavy] == []
