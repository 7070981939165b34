"""`examples/web/run.py`: what it says before an example runs."""

from __future__ import annotations

import runpy
import subprocess
import sys

import pytest

from support.process import free_port
from support.web_example import RUN


@pytest.mark.parametrize(
    ("name", "module", "package"),
    [("fastapi", "fastapi", "fastapi"), ("social", "social_django", "social-auth-app-django")],
)
def test_a_missing_framework_is_named_with_its_package(monkeypatch, name, module, package):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setattr(sys, "argv", ["run.py", name])
    monkeypatch.setenv("TRAKTAUTH_CLIENT_ID", "an-app")
    monkeypatch.setattr("os.execv", lambda *_: pytest.fail("it was started"))
    with pytest.raises(SystemExit, match=f"pip install {package} "):
        runpy.run_path(str(RUN), run_name="__main__")


def test_the_user_and_the_password_of_the_local_trakt_are_shown(monkeypatch):
    monkeypatch.delenv("TRAKTAUTH_CLIENT_ID", raising=False)
    monkeypatch.setenv("PORT", str(free_port()))
    with subprocess.Popen([sys.executable, str(RUN), "flask"], stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        shown = process.stdout.readline()
        process.terminate()
    assert shown == "Sign in as sean with the password correct horse battery\n"
