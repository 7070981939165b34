"""The pages for users: every block of Python and of shell on them runs, against a local Trakt."""

from __future__ import annotations

import gc
import json
import logging
import os
import re
import signal
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
from sybil import Document
from sybil.parsers.markdown import CodeBlockParser

from support.process import free_port
from traktauth import Token, Trakt
from traktauth.testing import LocalTrakt

CHECKOUT = Path(__file__).parents[2]
BROWSER = Path(__file__).with_name("browser.py")
PAGES = [
    "README.md",
    "docs/getting-started.md",
    "docs/accounts.md",
    "docs/automation.md",
    "docs/configuration.md",
    "docs/errors.md",
    "docs/explain.md",
    "docs/import-export.md",
    "docs/keeper.md",
    "docs/lab.md",
    "docs/local-trakt.md",
    "docs/logging.md",
    "docs/proxy.md",
    "docs/sandbox.md",
    "docs/stores.md",
    "docs/trakt-2026.md",
    "docs/troubleshooting.md",
]
# Pages whose blocks need another runner: a test file that reads the page and runs them.
RUN_ELSEWHERE = {
    "docs/adapters.md": "tests/adapters/test_page.py",
    "docs/library.md": "tests/client/test_documented_api.py",
    "docs/testing.md": "tests/testing/test_page.py",
    "docs/web/README.md": "tests/web/test_documents.py",
    "docs/web/allauth.md": "tests/web/test_documents.py",
    "docs/web/authlib.md": "tests/web/test_documents.py",
    "docs/web/django.md": "tests/web/test_django_runner.py",
    "docs/web/flask.md": "tests/web/test_documents.py",
    "docs/web/social.md": "tests/web/test_documents.py",
    "docs/web/starlette.md": "tests/web/test_documents.py",
}
# What a page leaves to its reader, or takes from a machine that tests do not have, and what it is here.
FILLED = {
    "README.md": [
        (
            'App("…", client_secret="…", redirect_uri="http://127.0.0.1:9876/callback")',
            'App("$TRAKTAUTH_CLIENT_ID", client_secret="$TRAKTAUTH_CLIENT_SECRET", redirect_uri="$REDIRECT_URI")',
        ),
        ("with Trakt(app) as", 'with Trakt(app, service="$TRAKTAUTH_SERVICE") as'),
        (
            "traktauth setup ",
            "echo $TRAKTAUTH_CLIENT_SECRET | traktauth setup -y --secret-stdin --client-id documentation ",
        ),
        ("traktauth serve", "traktauth serve --port 0"),
    ],
    "docs/keeper.md": [
        ("* * * * * ", ""),
        ("postgresql://db/app", "sqlite:fleet.db"),
        ("--metrics 9464", "--metrics 0"),
        ("/var/log/traktauth.jsonl", "traktauth.jsonl"),
    ],
    "docs/lab.md": [("traktauth lab ", "traktauth lab --scenario race --copies 2 ")],
    "docs/local-trakt.md": [("traktauth serve --database", "traktauth serve --port 0 --database")],
}
UNTIL_STOPPED = "<!-- test: runs until stopped -->\n"

pytestmark = pytest.mark.slow


@pytest.fixture
def restored_logging(monkeypatch):
    """Undo what a page sets up for the logs of its reader's program."""
    levels = {logger: logger.level for logger in (logging.getLogger(), logging.getLogger("traktauth"))}
    for logger in levels:
        monkeypatch.setattr(logger, "handlers", logger.handlers.copy())
        monkeypatch.setattr(logger, "filters", logger.filters.copy())
    yield
    for logger, level in levels.items():
        logger.setLevel(level)  # which also clears the cache of what is enabled, that would outlive the test


@pytest.fixture
def environment(tmp_path, monkeypatch, restored_logging):
    """A user's machine: an empty home, the command on the path, a browser that approves, and a login."""
    app = {
        "name": "Documentation",
        "client_id": "documentation",
        "client_secret": "a-secret-of-the-documentation",
        "redirect_uris": [f"http://127.0.0.1:{free_port()}/callback"],
    }
    with LocalTrakt(control=True, seed={"apps": [app], "users": []}) as server:
        values = {
            "HOME": str(tmp_path),
            "XDG_CONFIG_HOME": str(tmp_path / "config"),
            "XDG_DATA_HOME": str(tmp_path / "data"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "BROWSER": f"{sys.executable} {BROWSER} %s",
            "TRAKTAUTH_CLIENT_ID": server.app.client_id,
            "TRAKTAUTH_CLIENT_SECRET": server.app.client_secret,
            "REDIRECT_URI": server.app.redirect_uri,
            "TRAKTAUTH_REDIRECT_URI": server.app.redirect_uri,
            "TRAKTAUTH_SERVICE": server.url,
        }
        for name, value in values.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("DISPLAY", raising=False)
        monkeypatch.chdir(tmp_path)
        with Trakt.from_env() as trakt:
            server.sign_in_at(trakt)
        yield server


def filled(example):
    """Return a block with what its page leaves to the reader filled in."""
    text = str(example.parsed)
    for hole, value in FILLED.get(os.path.relpath(example.path, CHECKOUT), []):
        text = text.replace(hole, os.path.expandvars(value))
    return text


def evaluate_python(example):
    """Run a block in the page's own namespace, as a reader would paste one after another."""
    code = compile(filled(example), f"{example.path}:{example.line}", "exec")
    exec(code, example.namespace)


def evaluate_shell(example):
    """Run a block with bash; what it installs is there already, and its extra must be one of the project's."""
    lines = filled(example).splitlines()
    script = "\n".join(line for line in lines if not line.startswith("pip install"))
    if example.document.text[: example.start].endswith(UNTIL_STOPPED):
        return run_until_stopped([line for line in script.splitlines() if not line.startswith("export ")])
    with subprocess.Popen(
        ["bash", "-euo", "pipefail", "-c", script],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        shown, answered = "", set()
        for line in process.stdout:
            shown += line
            if (code := user_code_in(line)) and code not in answered:
                answered.add(code)  # it is shown as text and in a link
                example.namespace["server"].approve_device(code)
    assert process.returncode == 0, f"{example.path}:{example.line}\n{script}\n{shown}"
    return None


def user_code_in(line):
    """Return the user code at the end of a line; a fingerprint may be eight digits, too."""
    code = re.search(r"(?:/activate/|\b(?=\d*[A-Z]))([A-Z0-9]{8})$", line.strip())
    return code and code[1]


def run_until_stopped(commands):
    for command in commands:
        with subprocess.Popen(["bash", "-c", f"exec {command}"], stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline()
            if "--check" in command:
                process.wait(timeout=60)
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)
        assert process.returncode == 0


def extras():
    return re.findall(r"^(\w+) = \[", (CHECKOUT / "pyproject.toml").read_text(), re.MULTILINE)


def write_pytrakt_login(server):
    """Sign in with PyTrakt, and not with traktauth."""
    with Trakt.from_env() as trakt:
        token = trakt.token()
        trakt.logout(local=True)
    members = {"CLIENT_ID": server.app.client_id, "CLIENT_SECRET": server.app.client_secret}
    members |= {"OAUTH_TOKEN": token.access_token, "OAUTH_REFRESH": token.refresh_token}
    Path(".pytrakt.json").write_text(json.dumps({**members, "OAUTH_EXPIRES_AT": int(token.expires_at)}))


def write_program(_server):
    """Write a program that calls Trakt."""
    Path("sync.py").write_text(
        'import requests\nprint(requests.get("https://api.trakt.tv/users/settings").status_code)\n'
    )


def write_seed(server):
    """Write the apps and users that the page describes, and name what its calls need."""
    os.environ["URL"], os.environ["CLIENT_ID"] = server.url, server.app.client_id
    Path("trakt").mkdir()
    Path("seed.json").write_text(json.dumps({"apps": [], "users": []}))


def sign_in_at_trakt(_server):
    """Keep a login of the real Trakt's, which is asked nothing."""
    with Trakt.from_env(service="trakt") as trakt:
        trakt.adopt(Token("an-access-token", expires_in=604800, expires_at=time.time() + 1e5))


SETUPS = {
    "docs/import-export.md": write_pytrakt_login,
    "docs/local-trakt.md": write_seed,
    "docs/proxy.md": write_program,
    "docs/sandbox.md": write_program,
    "docs/trakt-2026.md": sign_in_at_trakt,
}


@pytest.mark.parametrize("page", PAGES)
def test_every_block_of_a_page_runs(environment, page, monkeypatch):
    for name in ("URL", "CLIENT_ID"):
        monkeypatch.setenv(name, "")
    SETUPS.get(page, lambda server: None)(environment)
    parsers = [CodeBlockParser("python", evaluate_python), CodeBlockParser("sh", evaluate_shell)]
    document = Document.parse(str(CHECKOUT / page), *parsers)
    examples = list(document.examples())
    assert examples
    document.namespace["server"] = environment
    for example in examples:
        example.evaluate()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # a reader's program ends without closing its client
        document.namespace.clear()
        gc.collect()


def pages():
    return [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]


def test_every_page_with_a_block_of_python_or_shell_has_a_runner():
    with_blocks = {
        str(page.relative_to(CHECKOUT))
        for page in pages()
        if re.search(r"^```(python|sh|bash|console)$", page.read_text(), re.MULTILINE)
    }
    assert with_blocks - {"docs/api.md"} == {*PAGES, *RUN_ELSEWHERE}  # that one shows signatures
    for page, runner in RUN_ELSEWHERE.items():
        assert (
            Path(page).name in (CHECKOUT / runner).read_text()
            or f'"{Path(page).stem}' in (CHECKOUT / runner).read_text()
        ), page


def test_every_extra_that_a_page_installs_is_the_projects():
    for page in pages():
        for names in re.findall(r"traktauth\[([\w,]+)\]", page.read_text()):
            assert set(names.split(",")) <= {*extras(), "NAME"}, (page.name, names)


def targets(page):
    """Return (file, anchor) of each link to a file of the project."""
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not re.match(r"https?:|mailto:", target):
            name, _, anchor = target.partition("#")
            yield (page.parent / name).resolve() if name else page, anchor


def anchors(page):
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_link_leads_somewhere(page):
    broken = [
        (str(file), anchor)
        for file, anchor in targets(page)
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file))
    ]
    assert broken == []
