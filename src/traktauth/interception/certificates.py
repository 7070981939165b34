"""Certificates of one run: a CA whose key stays in memory, and the certificate of Trakt's hosts."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

from traktauth.errors import TraktAuthError

try:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import pkcs12
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
except ModuleNotFoundError:
    raise TraktAuthError(
        "The package cryptography is not installed",
        hint="Install it: pip install 'traktauth[sandbox]' or 'traktauth[proxy]'",
    ) from None


ALL_ADDRESSES = [x509.IPAddress(ip_network("0.0.0.0/0")), x509.IPAddress(ip_network("::/0"))]
CLOCK_SKEW = timedelta(hours=1)
"""By which a certificate is valid before it was made: programs may run with another clock."""


class Certificates:
    """A CA for this run and the certificate that it issued for a sandbox's hosts.

    Args:
        hosts: the names that the certificate is for.
        domain: the domain that the CA is limited to by its name constraints (RFC 5280 section 4.2.1.10).
        owner: the name in the CA's subject.
        days: for which they are valid.
    """

    def __init__(self, hosts: Sequence[str], domain: str, *, owner: str, days: int) -> None:
        self._owner = owner
        now = datetime.now(UTC)
        ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"{owner} (this run only)")])
        lifetime = timedelta(days=days)
        authority = (
            _builder(issuer, issuer, ca_key.public_key(), now, lifetime)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(ca=True), critical=True)
            .add_extension(x509.NameConstraints([x509.DNSName(domain)], ALL_ADDRESSES), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(ca_key.public_key()), critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
        issued = (
            _builder(subject, issuer, key.public_key(), now, lifetime)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(ca=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False)
            .sign(ca_key, hashes.SHA256())
        )
        self.authority = authority.public_bytes(serialization.Encoding.PEM)
        self._certificate = issued.public_bytes(serialization.Encoding.PEM)
        self._key = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def __repr__(self) -> str:
        return "Certificates()"

    def trust_store(self, password: str) -> bytes:
        """Return a trust store for Java (PKCS #12) with the CA."""
        entry = pkcs12.PKCS12Certificate(x509.load_pem_x509_certificate(self.authority), self._owner.encode())
        return pkcs12.serialize_java_truststore([entry], serialization.BestAvailableEncryption(password.encode()))

    def server_context(self) -> ssl.SSLContext:
        """Return the TLS settings of the hosts' server: HTTP/1.1 alone, TLS 1.2 or newer."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.set_alpn_protocols(["http/1.1"])
        _load_chain(context, self._certificate, self._key)
        return context


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCK_SKEW)
        .not_valid_after(now + lifetime)
    )


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _load_chain(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Load a certificate and its key through pipes: `ssl` reads keys from files alone, and none may hold this one."""
    pipes = [_fill_pipe(certificate), _fill_pipe(key)]
    try:
        context.load_cert_chain(*(f"/dev/fd/{pipe}" for pipe in pipes))
    finally:
        for pipe in pipes:
            os.close(pipe)


def _fill_pipe(content: bytes) -> int:
    """Return a pipe to read *content* from, which is less than any pipe holds."""
    reading, writing = os.pipe()
    try:
        os.write(writing, content)
    finally:
        os.close(writing)
    return reading
