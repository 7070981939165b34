"""Any program, unchanged, talks to the local Trakt; nothing else is reached."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import socket
import ssl
import stat
import subprocess
import sys
import threading
import time
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs12

from support.private_home import wait_until
from support.process import free_port, needs_curl
from traktauth.errors import TraktAuthError
from traktauth.interception.certificates import Certificates
from traktauth.sandbox import Sandbox
from traktauth.testing import LocalTrakt

API = "https://api.trakt.tv/users/settings"
FETCH = {
    "aiohttp": """
import aiohttp, asyncio
async def main():
    async with aiohttp.ClientSession(trust_env=True) as session, session.get(url, headers=headers) as response:
        print(response.status, await response.text())
asyncio.run(main())""",
    "httpx": "import httpx; r = httpx.get(url, headers=headers); print(r.status_code, r.text)",
    "requests": "import requests; r = requests.get(url, headers=headers); print(r.status_code, r.text)",
    "httpx2": "import httpx2; r = httpx2.get(url, headers=headers); print(r.status_code, r.text)",
    "urllib": (
        "import urllib.request as u; r = u.urlopen(u.Request(url, headers=headers)); print(r.status, r.read().decode())"
    ),
}
NODE = """
fetch(process.argv[1], {headers: JSON.parse(process.argv[2])}).then(async r => console.log(r.status, await r.text()))
"""


def as_trakt():
    return LocalTrakt(public_url="https://trakt.tv", control=False)


def test_a_local_trakt_under_another_name_is_refused():
    with pytest.raises(ValueError, match=r"public_url='https://trakt\.tv'"):
        Sandbox(LocalTrakt())


def headers_for(local):
    token = local.sign_in("sean")["access_token"]
    return {
        "Authorization": f"Bearer {token}",
        "trakt-api-key": local.app.client_id,
        "trakt-api-version": "2",
        "Content-Type": "application/json",
    }


def run(sandbox, *words):
    return subprocess.run(words, env=sandbox.environ, capture_output=True, text=True, timeout=60, check=False)


def settings_by_python(sandbox, python, library, headers):
    program = f"url, headers = {API!r}, {headers!r}\n{FETCH[library]}"
    return run(sandbox, *python(program))


@pytest.mark.parametrize(
    "library", ["urllib", *(pytest.param(each, marks=pytest.mark.slow) for each in FETCH if each != "urllib")]
)
def test_a_python_program_talks_to_the_local_trakt(inside, python, library):
    local, sandbox = inside
    done = settings_by_python(sandbox, python, library, headers_for(local))
    assert done.stdout.startswith("200 "), done.stderr
    assert '"sean"' in done.stdout
    assert sandbox.reached == {"api.trakt.tv": 1}
    assert (sandbox.refused, sandbox.distrusted) == ({}, frozenset())


@pytest.mark.slow
def test_node_talks_to_the_local_trakt(inside, node):
    local, sandbox = inside
    headers = json.dumps(headers_for(local))
    done = run(sandbox, node, "-e", NODE, API, headers)
    assert done.stdout.startswith("200 "), done.stderr
    assert sandbox.reached == {"api.trakt.tv": 1}


JAVA = """
import java.net.*;
public class Ask {
    public static void main(String[] words) throws Exception {
        var connection = (HttpURLConnection) new URL(words[0]).openConnection();
        System.out.println(connection.getResponseCode());
    }
}
"""
PERL = "print LWP::UserAgent->new->get($ARGV[0])->status_line"
PHP = "$all = curl_init($argv[1]); curl_exec($all); echo curl_getinfo($all, CURLINFO_RESPONSE_CODE), curl_error($all);"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("needed", "words"),
    [
        (["wget", "--version"], ["wget", "-S", "-O-"]),
        (["php", "-r", "exit((int) !function_exists('curl_init'));"], ["php", "-r", PHP, "--"]),
        (["perl", "-MLWP::Protocol::https", "-e", "1"], ["perl", "-MLWP::UserAgent", "-e", PERL]),
        (["javac", "--version"], ["java", "Ask.java"]),
    ],
    ids=["wget", "php", "perl", "java"],
)
def test_programs_in_other_languages_talk_to_the_local_trakt(inside, tmp_path, needed, words):
    if shutil.which(needed[0]) is None or subprocess.run(needed, capture_output=True, check=False).returncode:
        pytest.skip(f"{needed} does not run here")
    (tmp_path / "Ask.java").write_text(JAVA)
    _, sandbox = inside
    done = subprocess.run(
        [*words, API], env=sandbox.environ, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120
    )
    assert "403" in done.stdout + done.stderr, done.stdout + done.stderr  # for a request without `trakt-api-key`
    assert sandbox.reached == {"api.trakt.tv": 1}


@needs_curl
@pytest.mark.slow
@pytest.mark.parametrize("host", ["trakt.tv", "www.trakt.tv", "auth.trakt.tv", "app.trakt.tv"])
def test_every_trakt_host_is_the_local_trakt(inside, host):
    _, sandbox = inside
    done = run(sandbox, "curl", "-sSf", f"https://{host}/.well-known/openid-configuration")
    assert done.returncode == 0, done.stderr
    assert sandbox.reached == {host: 1}


@needs_curl
@pytest.mark.slow
def test_plain_http_is_the_local_trakt_as_well(inside):
    _, sandbox = inside
    done = run(sandbox, "curl", "-sS", "-w", "\n%{http_code}", "http://API.trakt.tv/users/settings?extended=full")
    assert done.stdout.endswith("\n403"), done.stderr
    assert sandbox.exchanges[-1].path == "/users/settings"


@needs_curl
@pytest.mark.slow
@pytest.mark.parametrize(
    ("host", "refused", "message"),
    [
        ("example.com", "example.com", "example.com is refused (allow it with --allow HOST)"),
        ("walter.trakt.tv", "walter.trakt.tv", "walter.trakt.tv:80 is refused"),  # it could not be allowed
        ("api.trakt.tv:8443", "api.trakt.tv", "api.trakt.tv:8443 is refused"),
    ],
)
def test_another_host_or_port_is_refused(inside, host, refused, message):
    _, sandbox = inside
    assert "403" in run(sandbox, "curl", "-sS", f"https://{host}/").stderr
    plain = run(sandbox, "curl", "-sS", f"http://{host}/").stdout
    assert plain.startswith(f"traktauth sandbox: {message}")
    assert ("--allow" in plain) is (host == "example.com")
    assert (sandbox.refused, sandbox.reached) == ({refused: 2}, {})


def test_the_program_trusts_no_folder_of_certificates(inside):
    _, sandbox = inside
    paths = "import ssl; print(ssl.get_default_verify_paths().capath)"
    folder = run(sandbox, sys.executable, "-c", paths).stdout.strip()
    assert Path(folder) == sandbox.bundle.parent
    assert [
        path.name for path in Path(folder).iterdir() if re.fullmatch(r"[0-9a-f]{8}\.\d+", path.name)
    ] == []  # of OpenSSL
    with as_trakt() as local, Sandbox(local, allow=["example.com"], environ={"SSL_CERT_DIR": "/mine"}) as allowing:
        assert allowing.environ["SSL_CERT_DIR"] == "/mine"


@needs_curl
@pytest.mark.slow
def test_a_program_that_pins_another_key_is_noted(inside):
    _, sandbox = inside
    pin = "sha256//" + "A" * 43 + "="
    assert run(sandbox, "curl", "-sS", "--pinnedpubkey", pin, API).returncode == 90
    until = time.monotonic() + 60
    while not sandbox.distrusted and time.monotonic() < until:  # the proxy may see the end of the connection later
        time.sleep(0.01)
    assert sandbox.distrusted == {"api.trakt.tv"}
    assert run(sandbox, "curl", "-sS", API).returncode == 0
    assert sandbox.distrusted == frozenset()  # it may be a connection that was made early


@pytest.mark.parametrize(
    ("host", "message"),
    [
        ("api.trakt.tv", "is a Trakt host"),
        ("TRAKT.TV.", "is a Trakt host"),
        ("api-staging.trakt.tv", "is a Trakt host"),
        ("https://example.com", "is not a host name"),
        ("example.com:443", "is not a host name"),
        ("*.example.com", "is not a host name"),
        ("api.trakt.tv%2e", "is not a host name"),
        ("api\u3002trakt.tv", "is not a host name"),
        ("", "is not a host name"),
    ],
)
def test_a_trakt_host_and_what_is_no_host_cannot_be_allowed(host, message):
    with pytest.raises(ValueError, match=message):
        Sandbox(as_trakt(), allow=[host])


def test_an_allowed_host_is_tunnelled_with_its_own_certificate():
    certificates = Certificates(["own.example"], "own.example", owner="own", days=2)
    listener = socket.create_server(("127.0.0.2", 0))

    def serve():
        connection, _ = listener.accept()
        with certificates.server_context().wrap_socket(connection, server_side=True) as wrapped:
            wrapped.sendall(wrapped.recv(100).upper())

    thread = threading.Thread(target=serve)
    thread.start()
    port = listener.getsockname()[1]
    with listener, as_trakt() as local, Sandbox(local, allow=["127.0.0.2"]) as sandbox:
        proxy = sandbox.environ["HTTPS_PROXY"].rpartition(":")[2]
        with socket.create_connection(("127.0.0.1", int(proxy))) as connection:
            connection.sendall(f"CONNECT 127.0.0.2:{port} HTTP/1.1\r\n\r\n".encode())
            assert connection.recv(100).startswith(b"HTTP/1.1 200 ")
            context = ssl.create_default_context(cadata=certificates.authority.decode())
            with context.wrap_socket(connection, server_hostname="own.example") as wrapped:
                wrapped.sendall(b"untouched")
                assert wrapped.recv(100) == b"UNTOUCHED"
        thread.join()
        assert sandbox.refused == {}
        assert sandbox.bundle.read_bytes().count(b"BEGIN CERTIFICATE") > 1  # the hosts that are allowed need the others
    assert thread.is_alive() is False


def send_to_proxy(sandbox, content):
    port = int(sandbox.environ["HTTPS_PROXY"].rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 60) as connection, connection.makefile("rb") as responses:
        connection.sendall(content)
        return responses.read()


@pytest.mark.parametrize("size", [70_000, 2_000_000])
def test_a_head_that_is_too_large_is_a_431(inside, size):
    _, sandbox = inside
    response = send_to_proxy(sandbox, b"GET http://api.trakt.tv/ HTTP/1.1\r\nX-Large: %b\r\n\r\n" % (b"x" * size))
    assert response.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"more than 65536 bytes" in response


def test_a_refusal_arrives_however_large_the_request_is(inside):
    _, sandbox = inside
    head = b"POST http://example.com/ HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5000000\r\n\r\n"
    assert send_to_proxy(sandbox, head + bytes(5_000_000)).startswith(b"HTTP/1.1 403 Forbidden\r\n")


def test_an_allowed_host_that_cannot_be_reached_is_a_502():
    with as_trakt() as local, Sandbox(local, allow=["127.0.0.2"]) as sandbox:
        response = send_to_proxy(sandbox, b"CONNECT 127.0.0.2:%d HTTP/1.1\r\n\r\n" % free_port("127.0.0.2"))
    assert response.startswith(b"HTTP/1.1 502 Bad Gateway\r\n")
    assert response.endswith(b"traktauth sandbox: 127.0.0.2 cannot be reached: ConnectionRefusedError\n")


@pytest.mark.parametrize(
    "line",
    [
        b"GET /users/settings HTTP/1.1",
        b"nonsense",
        b"CONNECT api.trakt.tv:0 HTTP/1.1",
        b"CONNECT api.trakt.tv: HTTP/1.1",
        b"CONNECT api.trakt.tv HTTP/1.1",
        b"CONNECT api.trakt.tv:65536 HTTP/1.1",
        b"GET http://api.trakt.tv:0/users/settings HTTP/1.1",
    ],
)
def test_a_request_that_is_not_for_a_proxy_or_has_an_invalid_port_is_a_400(inside, line):
    _, sandbox = inside
    assert send_to_proxy(sandbox, line + b"\r\n\r\n").startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert sandbox.reached == {}


def test_100_connections_at_once_are_all_answered(inside):
    local, sandbox = inside
    proxy = int(sandbox.environ["HTTPS_PROXY"].rpartition(":")[2])
    context = ssl.create_default_context(cafile=sandbox.bundle)
    request = "GET /users/settings HTTP/1.1\r\nHost: api.trakt.tv\r\n"
    request += "".join(f"{name}: {value}\r\n" for name, value in headers_for(local).items()) + "\r\n"

    async def connect():
        reader, writer = await asyncio.open_connection("127.0.0.1", proxy)
        writer.write(b"CONNECT api.trakt.tv:443 HTTP/1.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        await writer.start_tls(context, server_hostname="api.trakt.tv")
        return reader, writer

    async def ask(connection):
        reader, writer = connection
        writer.write(request.encode())
        status = await reader.readline()
        writer.transport.abort()
        return status

    async def crowd():
        open_at_once = await asyncio.gather(*(connect() for _ in range(100)))
        return await asyncio.gather(*(ask(connection) for connection in open_at_once))

    assert asyncio.run(crowd()) == [b"HTTP/1.1 200 OK\r\n"] * 100
    assert sandbox.reached == {"api.trakt.tv": 100}


@pytest.mark.parametrize("drop", ["before", "after"])
def test_a_response_that_is_lost_is_noted_and_leaves_nothing_in_a_log(inside, caplog, drop):
    local, sandbox = inside
    local.fail_next("/oauth/device/code", drop=drop)
    with pytest.raises(httpx2.TransportError):
        post(sandbox, "/oauth/device/code", client_id=local.app.client_id)
    wait_until(lambda: [(one.path, one.status) for one in sandbox.exchanges] == [("/oauth/device/code", 0)])
    assert caplog.records == []


@pytest.mark.parametrize("approve_as", ["mia", None])
@pytest.mark.parametrize("slash", ["/", "//"])  # PyTrakt's device login posts to `//oauth/device/code`
def test_a_device_code_is_approved_after_one_pending_poll_if_a_user_is_named(slash, approve_as):
    with as_trakt() as local, Sandbox(local, approve_as=approve_as) as sandbox:
        app = {"client_id": local.app.client_id, "client_secret": local.app.client_secret}
        codes = post(sandbox, f"{slash}oauth/device/code", client_id=local.app.client_id)[1]
        assert codes["verification_url"] == "https://trakt.tv/activate"
        assert post(sandbox, f"{slash}oauth/device/token", code=codes["device_code"], **app)[0] == 400
        local.advance(seconds=codes["interval"])
        status, token = post(sandbox, f"{slash}oauth/device/token", code=codes["device_code"], **app)
    assert (status, bool(token and token["access_token"])) == ((200, True) if approve_as else (400, False))


def post(sandbox, path, **body):
    with httpx2.Client(
        proxy=sandbox.environ["HTTPS_PROXY"], verify=ssl.create_default_context(cafile=sandbox.bundle), trust_env=False
    ) as client:
        response = client.post(f"https://api.trakt.tv{path}", json=body)
    return response.status_code, response.json() if response.content else None


def test_the_environment_is_the_callers_with_proxy_certificates_and_app(tmp_path):
    base = {"PATH": "/bin", "HOME": str(tmp_path), "TRAKTAUTH_STORE": "sqlite:/real", "TRAKTAUTH_SERVICE": "staging"}
    with as_trakt() as local, Sandbox(local, environ=base) as sandbox:
        environ = sandbox.environ
        proxy, bundle = environ["HTTPS_PROXY"], str(sandbox.bundle)
        assert proxy.startswith("http://127.0.0.1:")
        proxies = dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"), proxy)
        exempt = {"NO_PROXY": "localhost,127.0.0.1"}
        assert environ == {
            "PATH": "/bin",
            "HOME": str(tmp_path),
            **proxies,
            **exempt,
            **{name.lower(): value for name, value in (proxies | exempt).items()},
            "SSL_CERT_FILE": bundle,
            "SSL_CERT_DIR": str(sandbox.bundle.parent),
            "REQUESTS_CA_BUNDLE": bundle,
            "CURL_CA_BUNDLE": bundle,
            "NODE_EXTRA_CA_CERTS": bundle,
            "NODE_USE_ENV_PROXY": "1",
            "PERL_LWP_ENV_PROXY": "1",
            "BROWSER": str(sandbox.bundle.with_name("browser")),
            "WGETRC": str(sandbox.bundle.with_name("wgetrc")),
            "PHP_INI_SCAN_DIR": f":{sandbox.bundle.parent}",
            "JAVA_TOOL_OPTIONS": environ["JAVA_TOOL_OPTIONS"],
            "TRAKT_CLIENT_ID": local.app.client_id,
            "TRAKT_CLIENT_SECRET": local.app.client_secret,
            "TRAKT_REDIRECT_URI": local.app.redirect_uri,
            "TRAKTAUTH_CLIENT_ID": local.app.client_id,
            "TRAKTAUTH_CLIENT_SECRET": local.app.client_secret,
            "TRAKTAUTH_REDIRECT_URI": local.app.redirect_uri,
        }


def test_only_certificates_are_on_disk_and_only_while_it_runs(inside):
    _, sandbox = inside
    folder = sandbox.bundle.parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {path.name for path in folder.iterdir()} == {"browser", "ca.pem", "php.ini", "trust.p12", "wgetrc"}
    assert pkcs12.load_pkcs12((folder / "trust.p12").read_bytes(), b"changeit").key is None
    content = sandbox.bundle.read_bytes()
    assert content.count(b"-----BEGIN") == content.count(b"-----BEGIN CERTIFICATE-----") == 1
    sandbox.__exit__(None, None, None)
    assert not folder.exists()
    with pytest.raises(RuntimeError, match="not been started, or has ended"):
        _ = sandbox.environ


def test_the_ca_is_limited_to_trakt_and_to_two_days():
    authority = x509.load_pem_x509_certificate(Certificates(["trakt.tv"], "trakt.tv", owner="own", days=2).authority)
    constraints = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert constraints.critical
    assert constraints.value.permitted_subtrees == [x509.DNSName("trakt.tv")]
    assert authority.not_valid_after_utc - authority.not_valid_before_utc <= timedelta(days=2, hours=1)
    assert authority.public_key().curve.name == "secp256r1"


def test_its_port_is_closed_at_the_end(inside):
    _, sandbox = inside
    port = int(sandbox.environ["HTTPS_PROXY"].rpartition(":")[2])
    waiting = socket.create_connection(("127.0.0.1", port))
    sandbox.__exit__(None, None, None)
    assert waiting.recv(10) == b""
    waiting.close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))


@pytest.mark.parametrize("full", ["ssl.create_default_context", "asyncio.start_server", "tempfile.mkdtemp"])
def test_why_a_sandbox_cannot_be_started_is_named(monkeypatch, full):
    def fail(*_arguments, **_options):
        raise OSError(24, os.strerror(24))

    with as_trakt() as local:
        monkeypatch.setattr(full, fail)
        with pytest.raises(TraktAuthError, match=r"The sandbox cannot be started: .*Too many open files"):
            Sandbox(local).__enter__()
