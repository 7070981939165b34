"""Which variable of the environment keeps a client from being made, and what is said of it."""

from __future__ import annotations

import ssl

import pytest

from traktauth.client.proxies import certificates_error, client_error


@pytest.fixture(autouse=True)
def bare(monkeypatch):
    for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_the_variable_of_the_certificates_is_named(monkeypatch, name):
    monkeypatch.setenv(name, "/nowhere")
    error = certificates_error(FileNotFoundError(2, "No such file or directory"))
    assert error.message == f"{name}=/nowhere cannot be loaded: No such file or directory; nothing was sent"
    assert name in error.hint


def test_certificates_of_the_system_that_cannot_be_loaded_say_what_to_set():
    error = certificates_error(ssl.SSLError())
    assert "The certificates of this system cannot be loaded: SSLError" in error.message
    assert "SSL_CERT_FILE" in error.hint


def test_a_lack_of_memory_is_reported_as_that():
    assert "Not enough memory" in client_error(MemoryError()).message


def test_another_failure_is_reported_by_its_kind():
    error = client_error(RuntimeError("with a secret"))
    assert error.message == "The HTTP client cannot be made: RuntimeError; nothing was sent"
