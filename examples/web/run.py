"""Run one of the example applications: `python examples/web/run.py flask`, with the Python that has traktauth.

With `TRAKTAUTH_CLIENT_ID` and its companions set it uses that app; otherwise it starts a local Trakt, where you sign in
as `sean` with the password `correct horse battery`. `PORT=8001` in the environment is another port than 8000.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from traktauth.testing import LocalTrakt

FOLDER = Path(__file__).parent
PORT = os.environ.get("PORT", "8000")
NEEDED = {"social": "social_django"}  # the module that an example imports, if it is not named as the example
PACKAGES = {"social": "social-auth-app-django"}
USER, PASSWORD = "sean", "correct horse battery"
CALLBACKS = {"allauth": "/accounts/trakt/login/callback/", "social": "/complete/trakt/"}
RESPONSES = {"GET /sync/history": [{"id": 1, "type": "movie", "movie": {"title": "TRON: Legacy", "year": 2010}}]}


def command(name: str, port: str = PORT) -> list[str]:
    """Return the framework's own command that serves an example."""
    folder = FOLDER / name
    if (folder / "manage.py").exists():
        return [sys.executable, str(folder / "manage.py"), "serve", port]
    if name == "flask":
        return [sys.executable, "-m", "flask", "--app", str(folder / "app.py"), "run", "--port", port]
    return [sys.executable, "-m", "uvicorn", "--app-dir", str(folder), "--port", port, "app:app"]


def settings(redirect_uri: str, server: LocalTrakt, folder: str) -> dict[str, str]:
    """Return the environment that lets an example use the local Trakt."""
    return {
        "TRAKTAUTH_CLIENT_ID": server.app.client_id,
        "TRAKTAUTH_CLIENT_SECRET": server.app.client_secret or "",
        "TRAKTAUTH_REDIRECT_URI": redirect_uri,
        "TRAKTAUTH_SERVICE": server.url,
        "TRAKTAUTH_STORE": os.environ.get("TRAKTAUTH_STORE", "memory:"),
        "DATABASE": os.environ.get("DATABASE", f"{folder}/db.sqlite3"),
    }


def main() -> int:
    """Run the example named in the command line."""
    names = sorted({path.parent.name for path in FOLDER.glob("*/*.py")})
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in names:
        sys.exit(f"usage: [PORT=8001] python examples/web/run.py {'|'.join(names)}")
    if find_spec(NEEDED.get(name, name)) is None:
        sys.exit(f"The example needs another package: pip install {PACKAGES.get(name, name)} 'traktauth[all]'")
    print(f"http://127.0.0.1:{PORT}/", flush=True)
    if "TRAKTAUTH_CLIENT_ID" in os.environ:
        os.execv(sys.executable, command(name))
    redirect_uri = f"http://127.0.0.1:{PORT}{CALLBACKS.get(name, '/trakt/callback')}"
    app = {
        "name": f"Example on {name}",
        "client_id": "example-app",
        "client_secret": "example-secret",
        "redirect_uris": [redirect_uri],
    }
    print(f"Sign in as {USER} with the password {PASSWORD}", flush=True)
    seed = {"apps": [app], "users": [{"username": USER, "password": PASSWORD}]}
    with tempfile.TemporaryDirectory() as folder, LocalTrakt(seed=seed, responses=RESPONSES) as server:
        process = subprocess.Popen(command(name), env=os.environ | settings(redirect_uri, server, folder))
        for number in (signal.SIGTERM, signal.SIGINT):  # the terminal sends the second one to the framework too
            signal.signal(number, lambda *_: process.terminate())
        return process.wait()


if __name__ == "__main__":
    sys.exit(main())
