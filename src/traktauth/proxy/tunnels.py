"""Connections to hosts that are not Trakt's: direct or through the proxy of the environment, never to this machine."""

from __future__ import annotations

import asyncio
import socket
import ssl
from base64 import b64encode
from collections.abc import Collection
from http import HTTPStatus
from ipaddress import IPv6Address, ip_address
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from traktauth.interception.connect_proxy import HTTPS_PORT, Address, Refused, Streams

LARGEST_HEAD = 65_536


async def open_tunnel(asked: Address, *, allow: Collection[str]) -> Streams:
    """Connect to a host.

    Args:
        asked: what the program asks for.
        allow: hosts that may be on this machine.

    Raises:
        Refused: it is a loopback or link-local address, and not allowed.
        OSError: it cannot be reached.
    """
    proxy = getproxies().get("https" if asked.port == HTTPS_PORT else "http")
    if proxy and not proxy_bypass(asked.host):
        if asked.host not in allow and is_local(asked.host):
            raise _refused(asked)
        return await _open_through(urlsplit(proxy if "://" in proxy else f"http://{proxy}"), asked)
    error: OSError = ConnectionError()
    for family, _, _, _, address in await asyncio.get_running_loop().getaddrinfo(*asked, type=socket.SOCK_STREAM):
        if asked.host not in allow and is_local(str(address[0])):
            raise _refused(asked)
        try:
            return await asyncio.open_connection(str(address[0]), asked.port, family=family)
        except OSError as failure:
            error = failure
    raise error


def is_local(host: str) -> bool:
    """Return whether a host is a loopback, link-local or unspecified address, or a name for one."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    address = (isinstance(address, IPv6Address) and address.ipv4_mapped) or address
    return address.is_loopback or address.is_link_local or address.is_unspecified


async def _open_through(proxy: SplitResult, asked: Address) -> Streams:
    """Connect through an HTTP proxy (RFC 9110 section 9.3.6)."""
    if proxy.scheme not in ("http", "https") or proxy.hostname is None:
        raise OSError("a proxy of this kind cannot be used for other hosts than Trakt's")
    tls = ssl.create_default_context() if proxy.scheme == "https" else None
    reader, writer = await asyncio.open_connection(proxy.hostname, proxy.port or 8080, ssl=tls, limit=LARGEST_HEAD)
    host = f"[{asked.host}]:{asked.port}" if ":" in asked.host else f"{asked.host}:{asked.port}"
    head = f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n"
    if proxy.username is not None:
        credentials = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
        head += f"Proxy-Authorization: Basic {b64encode(credentials.encode()).decode()}\r\n"
    try:
        writer.write(f"{head}\r\n".encode())
        status = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1]
    except (EOFError, asyncio.LimitOverrunError, IndexError):
        status = b""
    if status == str(HTTPStatus.OK.value).encode():
        return reader, writer
    writer.transport.abort()
    raise OSError(f"the proxy {proxy.hostname} refuses it")


def _refused(asked: Address) -> Refused:
    return Refused(f"{asked.host} is on this machine or its link (allow it with --allow HOST)")
