"""Who may use the proxy, which hosts are reached, and what the CA is good for."""

from __future__ import annotations

import base64
import contextlib
import http.server
import resource
import socket
import ssl
import threading

import httpx2
import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from support.private_home import wait_until
from traktauth.client.settings import Settings
from traktauth.models import find_service
from traktauth.proxy.tunnels import is_local


def send(proxied, head, rest=b""):
    """Send bytes to the proxy, and return what comes back until it closes."""
    with socket.create_connection(("127.0.0.1", proxied.interceptor.port), timeout=30) as connection:
        connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + rest)
        received = b""
        with contextlib.suppress(ConnectionResetError):
            while part := connection.recv(65536):
                received += part
        return received


def credentials(password, user="traktauth"):
    return f"Proxy-Authorization: Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


@pytest.mark.parametrize("line", ["CONNECT api.trakt.tv:443 HTTP/1.1", "GET http://api.trakt.tv/ HTTP/1.1"])
@pytest.mark.parametrize("kind", ["none", "wrong", "other user", "bearer"])
def test_without_the_password_every_request_gets_407(proxied, server, line, kind):
    password = proxied.interceptor.password
    field = {
        "none": "Host: api.trakt.tv",
        "wrong": credentials("x"),
        "other user": credentials(password, "root"),
        "bearer": f"Proxy-Authorization: Bearer {password}",
    }[kind]
    answer = send(proxied, f"{line}\n{field}")
    assert answer.startswith(b"HTTP/1.1 407 ")
    assert b'Proxy-Authenticate: Basic realm="traktauth"' in answer
    assert server.ledger["counts"] == {}


def test_the_password_is_not_passed_on(new_proxy):
    with Recorder() as recorder:
        proxied = new_proxy(allow=["127.0.0.1"])
        answer = send(proxied, f"GET {recorder.url}/x HTTP/1.1\nHost: x\n{credentials(proxied.interceptor.password)}")
        assert answer.startswith((b"HTTP/1.1 200 ", b"HTTP/1.0 200 "))
        assert not any("proxy" in name.lower() for name in recorder.fields[0])


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "[::1]", "0.0.0.0", "169.254.169.254", "[::ffff:127.0.0.1]"]
)
def test_this_machine_and_its_link_are_refused(proxied, host):
    answer = send(proxied, f"CONNECT {host}:80 HTTP/1.1\n{credentials(proxied.interceptor.password)}")
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert b"--allow HOST" in answer


def test_a_name_that_leads_to_this_machine_is_refused(proxied):
    assert is_local("a.localhost")
    assert not is_local("example.org")
    answer = send(
        proxied, f"GET http://{socket.gethostname()}:1/ HTTP/1.1\n{credentials(proxied.interceptor.password)}"
    )
    assert answer[9:12] in (b"403", b"502")  # 502 where it leads to another address of this machine


def test_another_port_of_a_trakt_host_is_refused(proxied):
    answer = send(proxied, f"CONNECT api.trakt.tv:22 HTTP/1.1\n{credentials(proxied.interceptor.password)}")
    assert answer.startswith(b"HTTP/1.1 403 ")


class Recorder:
    """A server that keeps the header fields of requests, and answers with what it is sent, or a number of bytes."""

    def __init__(self):
        self.fields, self.lines, self.received = [], [], 0
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                recorder.fields.append(dict(self.headers))
                recorder.lines.append(self.path)
                size = int(self.path.rpartition("/")[2]) if self.path.rpartition("/")[2].isdigit() else 2
                self.send_response(200)
                self.send_header("Content-Length", str(size))
                self.end_headers()
                for _ in range(size // 65536):
                    self.wfile.write(b"a" * 65536)
                self.wfile.write(b"a" * (size % 65536))

            def do_POST(self):
                left = int(self.headers["Content-Length"])
                while left:
                    part = self.rfile.read(min(left, 65536))
                    left -= len(part)
                    recorder.received += len(part)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.app = None

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def test_an_allowed_host_is_tunnelled_with_its_own_bytes(new_proxy):
    with Recorder() as recorder:
        proxied = new_proxy(allow=["127.0.0.1"])
        head = f"CONNECT 127.0.0.1:{recorder.server.server_port} HTTP/1.1\n{credentials(proxied.interceptor.password)}"
        answer = send(proxied, head, b"GET /own HTTP/1.0\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200 Connection established")
        assert recorder.lines == ["/own"]


@pytest.mark.parametrize("status", [200, 403])
def test_other_hosts_are_reached_through_the_proxys_own_proxy(proxied, monkeypatch, status):
    seen = []

    def serve():
        connection, _ = listener.accept()
        with connection:
            seen.append(connection.recv(65536))
            connection.sendall(f"HTTP/1.1 {status} Own\r\n\r\n".encode())
            if status == 200:
                seen.append(connection.recv(65536))
                connection.sendall(b"answer")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setenv("https_proxy", f"http://me:p%40ss@127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=serve)
        thread.start()
        head = f"CONNECT other.example:443 HTTP/1.1\n{credentials(proxied.interceptor.password)}"
        answer = send(proxied, head, b"hello")
        thread.join()
    assert seen[0].startswith(b"CONNECT other.example:443 HTTP/1.1\r\n")
    assert credentials("p@ss", "me").encode() in seen[0]
    assert answer.endswith(b"answer") if status == 200 else answer.startswith(b"HTTP/1.1 502 ")


def test_the_ca_can_stand_for_trakt_alone(proxied):
    certificate = x509.load_pem_x509_certificate(proxied.authority.encode())
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (constraints.critical, constraints.value) == (True, x509.BasicConstraints(ca=True, path_length=0))
    names = certificate.extensions.get_extension_for_class(x509.NameConstraints)
    assert names.critical
    assert [each.value for each in names.value.permitted_subtrees] == ["trakt.tv"]
    assert [str(each.value) for each in names.value.excluded_subtrees] == ["0.0.0.0/0", "::/0"]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.SERVER_AUTH]


def test_tls_offers_http_1_1_alone(proxied):
    tls = ssl.create_default_context(cadata=proxied.authority)
    tls.set_alpn_protocols(["h2", "http/1.1"])
    with socket.create_connection(("127.0.0.1", proxied.interceptor.port)) as connection:
        head = f"CONNECT api.trakt.tv:443 HTTP/1.1\r\n{credentials(proxied.interceptor.password)}\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
        with tls.wrap_socket(connection, server_hostname="api.trakt.tv") as wrapped:
            assert wrapped.selected_alpn_protocol() == "http/1.1"


def test_a_program_that_does_not_trust_the_ca_is_noticed(proxied):
    with (
        httpx2.Client(proxy=proxied.proxy, trust_env=False) as client,
        pytest.raises(httpx2.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.get("https://api.trakt.tv/")
    wait_until(lambda: proxied.interceptor.distrusted == {"api.trakt.tv"})


def test_a_half_open_connection_holds_nothing_up(proxied, held):
    with socket.create_connection(("127.0.0.1", proxied.interceptor.port)) as silent:
        silent.sendall(b"CONNECT api.trakt.tv:443 HTTP/1.1\r\n")
        assert proxied.call(held["access_token"]).status_code == 200
        head = f"{credentials(proxied.interceptor.password)}\r\n\r\n"
        silent.sendall(head.encode())
        silent.shutdown(socket.SHUT_WR)
        assert silent.recv(100).startswith(b"HTTP/1.1 200")
        assert proxied.call(held["access_token"]).status_code == 200


@pytest.mark.slow
def test_bodies_of_a_gigabyte_are_streamed_both_ways(new_proxy, server, monkeypatch):
    size = 1_000_000_000
    with Recorder() as recorder:
        monkeypatch.setattr(Settings, "find_service", lambda _self: find_service(recorder.url))
        proxied = new_proxy()
        proxied.client.timeout = 300
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        blocks = (b"b" * 1_000_000 for _ in range(size // 1_000_000))
        fields = {"Content-Length": str(size)}
        assert proxied.client.post("https://api.trakt.tv/x", content=blocks, headers=fields).status_code == 204
        assert recorder.received == size
        with proxied.client.stream("GET", f"https://api.trakt.tv/{size}") as answer:
            assert sum(map(len, answer.iter_raw())) == size
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024  # KiB
    del server
