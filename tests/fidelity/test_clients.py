"""panva's `openid-client` and `oauth4webapi` go through whole logins at a local Trakt, as their own examples do.

Authlib and PyTrakt are in `tests/clients`.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from fidelity.replay.seed_file import OOB
from traktauth.server.process.embedded import EmbeddedServer
from traktauth.server.settings import Settings

pytestmark = pytest.mark.slow

SCRIPTS = Path(__file__).parents[2] / "fidelity" / "clients"
HOME = Path(__file__).parents[2] / ".envs" / "fidelity" / "clients"
CALLBACK = "http://127.0.0.1:9876/callback"
OLDEST_NODE = 20
# As Trakt's, an app's name and secret are hexadecimal: neither engine undoes the percent-encoding of HTTP Basic.
APPS = {
    "confidential": {"client_id": "d" * 64, "client_secret": "e" * 64},
    "public": {"client_id": "f" * 64, "client_secret": None},
}
SEED = {
    "apps": [
        {"name": name, "redirect_uris": [CALLBACK, OOB], "confidential": name == "confidential", **app}
        for name, app in APPS.items()
    ],
    "users": [{"username": "sean", "password": "correct horse battery", "email": "sean@example.test"}],
}
SCOPES = {"current": "public offline_access", "classic": "public"}
LIVES = {"current": 604_800, "classic": 86_400}


@pytest.fixture(scope="session")
def node():
    """Run a client's script: `node("openid-client.mjs", …)` gives the facts that it tells."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("the program node or npm is absent")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").partition(".")[0]) < OLDEST_NODE:
        pytest.skip(f"node is {version.strip()}, and {OLDEST_NODE} is needed")
    install()

    def run(script, **message):
        done = subprocess.run(
            ["node", script],
            cwd=HOME,
            input=json.dumps(message),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return json.loads(done.stdout)

    return run


def install():
    """Bring the scripts and what they import into a folder outside of git; once, unless `package.json` has changed."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for script in SCRIPTS.glob("*.mjs"):
            shutil.copy(script, HOME)
        asked, made_for = (SCRIPTS / "package.json").read_text(), HOME / "made-for"
        if made_for.exists() and made_for.read_text() == asked:
            return
        (HOME / "package.json").write_text(asked)
        command = ["npm", "install", "--loglevel=error", "--no-audit", "--no-fund", "--no-package-lock"]
        done = subprocess.run(
            command, cwd=HOME, capture_output=True, text=True, timeout=150, check=False, env=os.environ
        )
        if done.returncode:
            pytest.skip(f"npm could not install the clients: {done.stderr[-300:]}")
        made_for.write_text(asked)


@pytest.fixture(params=["current", "classic"])
def facts_of(request, node):
    """Let a client go through a login at a local Trakt: `facts_of("openid-client.mjs", "public")`."""
    settings = Settings(port=0, profile=request.param, database="memory:", control=True, seed=SEED)
    with EmbeddedServer(settings) as trakt:

        def run(script, app="confidential", **message):
            reported = {"app": {**APPS[app], "callback": CALLBACK}, "username": "sean", "scope": SCOPES[request.param]}
            facts = node(script, **{**reported, "base": trakt.url, "denied": app == "confidential", **message})
            assert facts["issuer"] == trakt.url
            return facts

        run.profile = request.param
        yield run


SCRIPT = pytest.mark.parametrize("script", ["openid-client.mjs", "oauth4webapi.mjs"])


@SCRIPT
def test_a_confidential_app_signs_in_refreshes_introspects_and_revokes(facts_of, script):
    facts = facts_of(script)
    assert facts["tokenType"] == "bearer"
    assert facts["expiresIn"] == LIVES[facts_of.profile]
    assert (facts["firstWorks"], facts["rotated"], facts["secondWorks"], facts["active"]) == (200, True, 200, True)
    assert facts["basic"] in (True, 200)  # HTTP Basic proves the app as well
    assert facts["afterRevocation"] == 401
    assert facts["refreshAfterRevocation"] is not None
    assert facts["denied"]["error"] == "access_denied"


@SCRIPT
def test_a_public_app_signs_in_refreshes_and_revokes(facts_of, script):
    facts = facts_of(script, "public")
    assert (facts["firstWorks"], facts["rotated"], facts["secondWorks"]) == (200, True, 200)
    assert facts["afterRevocation"] == 401


@SCRIPT
def test_device_codes_are_not_named_as_they_are_not_those_of_rfc_8628(facts_of, script):
    assert facts_of(script, "public")["device"]["code"] == "OAUTH_MISSING_SERVER_METADATA"


def test_openid_connect_goes_through_on_current(node):
    settings = Settings(port=0, profile="current", database="memory:", control=True, seed=SEED)
    with EmbeddedServer(settings) as trakt:
        facts = node(
            "openid-client.mjs", base=trakt.url, app={**APPS["confidential"], "callback": CALLBACK}, username="sean",
            scope="openid profile email offline_access", openid=True,
        )  # fmt: skip
    assert facts["userInfo"]["name"] == "sean"
    assert facts["userInfo"]["email"] == "sean@example.test"
