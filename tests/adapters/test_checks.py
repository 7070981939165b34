"""What an adapter or a module for a web framework says if its library is missing or too old."""

from __future__ import annotations

import importlib
import sys
from importlib import metadata

import pytest

from traktauth import AsyncTrakt, Trakt, TraktAuthError
from traktauth.adapters._shared import check_login
from traktauth.migrate.formats import kometa

LIBRARIES = {"requests": (2, 31), "httpx": (0, 27), "aiohttp": (3, 12, 1), "pyreqwest": (0, 12), "niquests": (3, 14)}

FRAMEWORKS = {
    "starlette": ("starlette", (1, 0)),
    "flask": ("flask", (3, 0)),
    "django": ("django", (5, 2)),
    "allauth": ("django-allauth", (65, 10)),
    "social": ("social-auth-core", (7, 0)),
    "authlib": ("authlib", (1, 6)),
}


def hide(monkeypatch, name):
    """Let the import of a module fail as if it were not installed."""

    class Finder:
        def __init__(self, finder):
            self.finder = finder

        def find_spec(self, fullname, path=None, target=None):
            return None if fullname == name else self.finder.find_spec(fullname, path, target)

        def __getattr__(self, attribute):
            return getattr(self.finder, attribute)

    for loaded in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setattr(sys, "meta_path", [Finder(finder) for finder in sys.meta_path])


def import_anew(monkeypatch, name, package="adapters"):
    monkeypatch.delitem(sys.modules, f"traktauth.{package}.{name}", raising=False)
    return importlib.import_module(f"traktauth.{package}.{name}")


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_missing_library_is_named_with_the_command_that_installs_it(monkeypatch, name):
    hide(monkeypatch, name)
    with pytest.raises(TraktAuthError, match=f"{name} is not installed") as caught:
        import_anew(monkeypatch, name)
    assert f"pip install 'traktauth[{name}]'" in caught.value.hint


@pytest.mark.parametrize("name", [name for name in LIBRARIES if name != "niquests"])
def test_an_old_library_is_named_with_the_version_that_is_needed(monkeypatch, name):
    monkeypatch.setattr(metadata, "version", lambda _name: "0.1.2")
    with pytest.raises(TraktAuthError, match=f"{name} 0.1.2 is installed; traktauth needs {name} ") as caught:
        import_anew(monkeypatch, name)
    assert f"pip install --upgrade 'traktauth[{name}]'" in caught.value.hint


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_an_old_framework_is_named_with_the_version_that_is_needed(monkeypatch, name):
    library, needed = FRAMEWORKS[name]
    importlib.import_module(f"traktauth.web.{name}")  # with what it imports, which would be found too old before it
    monkeypatch.setattr(metadata, "version", lambda _name: "0.1.2")
    wanted = f"{library} {needed[0]}.{needed[1]} or newer"
    with pytest.raises(TraktAuthError, match="is installed") as caught:
        import_anew(monkeypatch, name, "web")
    assert caught.value.message == f"{library} 0.1.2 is installed; traktauth needs {wanted}"
    assert f"pip install --upgrade 'traktauth[{name}]'" in caught.value.hint


@pytest.mark.parametrize(("expected", "words"), [(Trakt, "a Trakt"), (AsyncTrakt, "an AsyncTrakt")])
def test_a_wrong_login_is_named_with_the_right_article(expected, words):
    with pytest.raises(TypeError, match=f"^object needs {words}, not str$"):
        check_login(object(), "x", expected, "Other")


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_a_missing_framework_is_named_with_the_command_that_installs_it(monkeypatch, name):
    hide(monkeypatch, "social_core" if name == "social" else name)
    with pytest.raises(TraktAuthError) as caught:
        import_anew(monkeypatch, name, "web")
    assert caught.value.message.lower() == f"{FRAMEWORKS[name][0]} is not installed"
    assert caught.value.hint == f"pip install 'traktauth[{name}]'"


@pytest.mark.parametrize("use", [kometa.read, kometa.without_refresh_token])
def test_a_missing_yaml_library_is_named_with_the_command_that_installs_it(monkeypatch, use):
    hide(monkeypatch, "ruamel.yaml")
    now = {"now": 0.0} if use is kometa.read else {}
    with pytest.raises(TraktAuthError) as caught:
        use("trakt:\n  client_id: x\n", **now)
    assert caught.value.message == "ruamel.yaml is not installed"
    assert "pip install 'traktauth[kometa]'" in caught.value.hint


def test_another_missing_module_is_not_blamed_on_the_library(monkeypatch):
    hide(monkeypatch, "requests.auth")
    with pytest.raises(ModuleNotFoundError, match=r"requests\.auth"):
        import_anew(monkeypatch, "requests")


@pytest.mark.parametrize("name", [*LIBRARIES, *FRAMEWORKS])
def test_the_extra_asks_for_the_version_that_its_module_needs(name):
    library, needed = FRAMEWORKS.get(name) or (name, LIBRARIES[name])
    extras = [line for line in metadata.requires("traktauth") or [] if f'extra == "{name}"' in line.replace("'", '"')]
    asked = [line.partition(";")[0].strip().replace("[socialaccount]", "") for line in extras]
    assert f"{library}>={'.'.join(map(str, needed))}" in asked
    assert len(asked) == 1 or name == "starlette"  # whose sessions need another library
