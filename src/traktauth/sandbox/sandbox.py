"""The sandbox: ports of a local Trakt, a proxy before them, certificates, and the environment that leads there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import socket
import ssl
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from traktauth.errors import TraktAuthError
from traktauth.hints import Hint, ShellCommand
from traktauth.interception.certificates import Certificates
from traktauth.interception.command_process import Network
from traktauth.interception.connect_proxy import HTTP_PORT, HTTPS_PORT, Address, ConnectProxy, Refused, Streams
from traktauth.interception.environment import (
    DOMAIN,
    HOSTS,
    TRUST_STORE_PASSWORD,
    app_variables,
    is_trakt,
    program_environment,
    read_roots,
    write_trust_files,
)
from traktauth.sandbox.browser import write_script
from traktauth.sandbox.watcher import Hooks, Watcher
from traktauth.server.http.exchange import Exchange
from traktauth.server.process.embedded import EmbeddedServer

PUBLIC_URL = f"https://{DOMAIN}"
"""Of the local Trakt: the address that programs know it by, and are shown."""
MORE = Hint(
    "Name a temporary folder with room in TMPDIR; end programs that hold ports, or raise the limit of open files: ",
    ShellCommand("ulimit -n 4096"),
)
HOST = re.compile(r"[a-z0-9._-]+")
"""A host name or an IPv4 address; an international name in its ASCII form."""


class Sandbox:
    """Leads programs that run with `environ` to a local Trakt, and to nothing else.

    ```python
    with LocalTrakt(public_url="https://trakt.tv", control=False) as local_trakt, Sandbox(local_trakt) as sandbox:
        subprocess.run(["python", "sync.py"], env=sandbox.environ, check=True)
        assert "api.trakt.tv" in sandbox.reached
    ```

    Args:
        local_trakt: a local Trakt with `public_url="https://trakt.tv"`, running when the sandbox is entered.
        allow: further hosts that may be reached; they are tunnelled untouched.
        approve_as: the user who approves each device code after its first pending poll, and each sign-in that a program
            opens in the browser that `BROWSER` names; None: they wait.
        environ: the environment to start from; None: this process's.
        show: called with each request to a Trakt host before its response is sent, in the local Trakt's thread.
        hooks: awaited around each request to a Trakt host, in the local Trakt's thread.
        folder: where the folder with the certificate is made; None: the system's temporary folder.

    Attributes:
        local_trakt: the local Trakt.

    Raises:
        ValueError: a host of *allow* is one of Trakt's, or is not a host name; the local Trakt has another public URL.
    """

    def __init__(
        self,
        local_trakt: EmbeddedServer,
        *,
        allow: Iterable[str] = (),
        approve_as: str | None = "sean",
        environ: Mapping[str, str] | None = None,
        show: Callable[[Exchange], None] | None = None,
        hooks: Hooks | None = None,
        folder: Path | None = None,
    ) -> None:
        if local_trakt.settings.public_url != PUBLIC_URL:
            raise ValueError(
                f"the local Trakt must answer under Trakt's names: LocalTrakt(public_url={PUBLIC_URL!r}, control=False)"
            )
        self.local_trakt = local_trakt
        self._allow = frozenset(_check_host(host) for host in allow)
        self._approve_as = approve_as
        self._base = dict(os.environ if environ is None else environ)
        self._watcher = Watcher(local_trakt, approve_as=approve_as, show=show, hooks=hooks)
        self._asked: Counter[Address] = Counter()
        self._refused: Counter[str] = Counter()
        self._parent = folder
        self._folder: Path | None = None
        self._proxy = ConnectProxy("traktauth sandbox", self._connect)
        self._proxy_port = 0
        self._listening: dict[int, asyncio.Server] = {}

    def __enter__(self) -> Self:
        """Start the proxy and write the certificates; programs can be started when this returns.

        Raises:
            TraktAuthError: no port is free, or the temporary folder cannot be written.
        """
        try:
            certificates = Certificates(HOSTS, DOMAIN, owner="traktauth sandbox", days=2)
            self._folder = Path(tempfile.mkdtemp(prefix="traktauth-sandbox-", dir=self._parent))
            roots = read_roots(self._base) if self._allow else b""
            trust_store = certificates.trust_store(TRUST_STORE_PASSWORD)
            write_script(self._folder / "browser")
            write_trust_files(self.bundle, authorities=certificates.authority + b"\n" + roots, trust_store=trust_store)
            self.local_trakt.run(self._start(certificates.server_context()))
        except OSError as error:
            self.__exit__(None, None, None)
            raise TraktAuthError(f"The sandbox cannot be started: {error}", hint=MORE) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the proxy, and remove the certificates."""
        with contextlib.suppress(RuntimeError):  # the local Trakt has ended
            self.local_trakt.run(self._stop())
        self._remove_folder()

    @property
    def bundle(self) -> Path:
        """The file of certificates that a program must trust; without the keys.

        Raises:
            RuntimeError: the sandbox has not been started, or has ended.
        """
        if self._folder is None:
            raise RuntimeError("this sandbox has not been started, or has ended: use it within its `with`")
        return self._folder / "ca.pem"

    @property
    def environ(self) -> dict[str, str]:
        """The environment of a program in the sandbox: proxy, certificates and the local Trakt's first app."""
        app = self.local_trakt.app
        environ = program_environment(self._base, proxy_port=self._proxy_port, bundle=self.bundle)
        environ |= app_variables(app)
        if self._approve_as is not None:
            environ["BROWSER"] = str(self.bundle.with_name("browser"))
        if not self._allow:  # OpenSSL and Go would trust the system's folder beside the bundle
            environ["SSL_CERT_DIR"] = str(self.bundle.parent)
        return environ

    @property
    def network(self) -> Network:
        """The network of a program that reaches the proxy alone, for `CommandProcess.start`."""

        def serve(listener: socket.socket) -> None:
            self.local_trakt.run(self._proxy.serve(listener))

        return Network(self._proxy_port, serve)

    @property
    def refused(self) -> dict[str, int]:
        """Hosts that programs asked for and were refused, and how often."""
        return dict(self._refused)

    @property
    def reached(self) -> dict[str, int]:
        """Trakt hosts that programs sent requests to, and how many."""
        return dict(self._watcher.reached)

    @property
    def distrusted(self) -> frozenset[str]:
        """Trakt hosts that programs made encrypted connections to, and sent no request.

        Such a program does not accept the sandbox's certificate: it reads no CA bundle, or pins certificates.
        """
        encrypted = {host for host, port in self._asked if port == HTTPS_PORT}
        return frozenset(encrypted - self._watcher.reached.keys())

    @property
    def unknown_apps(self) -> list[str]:
        """Client ids that programs used, and the local Trakt does not know."""
        return sorted(self._watcher.unknown_apps)

    @property
    def exchanges(self) -> list[Exchange]:
        """The last requests to Trakt hosts, the oldest first."""
        return list(self._watcher.exchanges)

    async def _start(self, tls: ssl.SSLContext) -> None:
        self._listening[HTTP_PORT] = await self.local_trakt.listen(self._watcher.wrap)
        self._listening[HTTPS_PORT] = await self.local_trakt.listen(self._watcher.wrap, tls)
        self._proxy_port = await self._proxy.start()

    async def _stop(self) -> None:
        await self._proxy.stop()
        for server in self._listening.values():
            server.close()

    async def _connect(self, asked: Address) -> Streams:
        """Connect to the server for an address: the local Trakt's port for a Trakt host, an allowed host itself.

        Raises:
            Refused: any other host or port.
        """
        if asked.host in HOSTS and asked.port in self._listening:
            self._asked[asked] += 1
            return await asyncio.open_connection(*self._listening[asked.port].sockets[0].getsockname())
        if asked.host in self._allow:
            return await asyncio.open_connection(*asked)
        self._refused[asked.host] += 1
        if is_trakt(asked.host):
            only = "the sandbox has trakt.tv, www., api., auth. and app.trakt.tv at ports 80 and 443 alone"
            raise Refused(f"{asked.host}:{asked.port} is refused: {only}")
        raise Refused(f"{asked.host} is refused (allow it with --allow HOST)")

    def _remove_folder(self) -> None:
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _check_host(host: str) -> str:
    """Return a host that may be reached, in lower case.

    Raises:
        ValueError: it is one of Trakt's, or not a host name.
    """
    name = host.strip().rstrip(".").lower()
    if not HOST.fullmatch(name):
        raise ValueError(f"{host!r} is not a host name; give one such as api.example.com, without scheme and port")
    if is_trakt(name):
        raise ValueError(f"{host} is a Trakt host and cannot be allowed: nothing in the sandbox reaches Trakt")
    return name
