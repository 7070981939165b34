"""The sandbox: a proxy in a thread, its certificates, and the environment that leads a program there."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import ssl
import tempfile
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

import uvloop

from traktauth.errors import TraktAuthError
from traktauth.hints import Hint, ShellCommand
from traktauth.sandbox.certificates import Certificates
from traktauth.sandbox.device_approval import DeviceApproval
from traktauth.sandbox.environment import program_environment
from traktauth.sandbox.hosts import DOMAIN, HOSTS, is_trakt
from traktauth.sandbox.proxy import Address, Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType

    from traktauth.models import App
    from traktauth.sandbox.exchanges import Exchange
    from traktauth.sandbox.proxy import Hooks
    from traktauth.server.settings import Settings

PUBLIC_URL = f"https://{DOMAIN}"
"""Of the local Trakt: the address that programs know it by, and are shown."""
MORE = Hint("End programs that hold many ports, or raise the limit of open files: ", ShellCommand("ulimit -n 4096"))
LONGEST_LOG = 10_000
HOST = re.compile(r"[a-z0-9._-]+")
"""A host name or an IPv4 address; an international name in its ASCII form."""


class RunningTrakt(Protocol):
    """What a sandbox needs of a local Trakt: `traktauth.testing.LocalTrakt`."""

    settings: Settings
    url: str

    @property
    def app(self) -> App:
        """The first app, as a client knows it."""
        ...

    def approve_device(self, user_code: str, username: str = ...) -> None:
        """Approve a device code."""
        ...


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
        approve_as: the user who approves each device code after its first pending poll; None: they wait.
        environ: the environment to start from; None: this process's.
        show: called with each exchange with a Trakt host once its response has come, in the proxy's thread.
        hooks: awaited around each exchange, in the proxy's thread.
        folder: where the folder with the certificate is made; None: the system's temporary folder.

    Attributes:
        local_trakt: the local Trakt.

    Raises:
        ValueError: a host of *allow* is one of Trakt's, or is not a host name; the local Trakt has another public URL.
    """

    def __init__(
        self,
        local_trakt: RunningTrakt,
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
        self._base = dict(os.environ if environ is None else environ)
        self._watch = _Watch(local_trakt, approve_as=approve_as, show=show, hooks=hooks)
        self._parent = folder
        self._folder: Path | None = None
        self._port = 0
        self._proxy: Proxy | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None
        self._stopping = asyncio.Event()

    def __enter__(self) -> Self:
        """Start the proxy and write the certificates; programs can be started when this returns.

        Raises:
            TraktAuthError: no port is free, or the temporary folder cannot be written.
        """
        try:
            certificates = Certificates(HOSTS, DOMAIN)
            context = certificates.server_context()
        except OSError as error:
            raise TraktAuthError(f"The sandbox's certificates cannot be loaded: {error.strerror}", hint=MORE) from None
        try:
            self._folder = Path(tempfile.mkdtemp(prefix="traktauth-sandbox-", dir=self._parent))
            self.bundle.write_bytes(certificates.authority + (_roots(self._base) if self._allow else b""))
        except OSError as error:
            self._remove_folder()
            raise TraktAuthError(
                f"The sandbox's certificates cannot be written: {error.strerror}",
                hint="Make room in the temporary folder, or name another one in TMPDIR",
            ) from None
        url = self.local_trakt.url.rpartition("/")[2]
        host, _, port = url.rpartition(":")
        self._proxy = Proxy(Address(host.strip("[]"), int(port)), context, allow=self._allow, hooks=self._watch)
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), name="sandbox-proxy", daemon=True)
        self._thread.start()
        started.wait()
        if self._error is not None:
            self.__exit__(None, None, None)
            raise TraktAuthError(
                f"The sandbox's proxy cannot listen on 127.0.0.1: {self._error}",
                hint=MORE,
            ) from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the proxy, and remove the certificates."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.call_soon_threadsafe(self._stopping.set)
        if self._thread is not None:
            self._thread.join()
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
        proxy = f"http://127.0.0.1:{self._port}"
        environ = program_environment(self._base, self.local_trakt.app, proxy=proxy, bundle=str(self.bundle))
        if not self._allow:  # OpenSSL and Go would trust the system's folder beside the bundle
            environ["SSL_CERT_DIR"] = str(self.bundle.parent)
        return environ

    @property
    def refused(self) -> dict[str, int]:
        """Hosts that programs asked for and were refused, and how often."""
        return dict(self._proxy.refused) if self._proxy else {}

    @property
    def reached(self) -> dict[str, int]:
        """Trakt hosts that programs sent requests to, and how many."""
        return dict(self._proxy.reached) if self._proxy else {}

    @property
    def distrusted(self) -> frozenset[str]:
        """Trakt hosts whose certificate a program did not accept: it reads no CA bundle, or pins certificates.

        A program that pins certificates can close a connection without a reason, so a host that was sent nothing
        on its encrypted connections is one of these as well.
        """
        if self._proxy is None:
            return frozenset()
        return frozenset(self._proxy.distrusted | (self._proxy.encrypted - self._proxy.asked))

    @property
    def exchanges(self) -> list[Exchange]:
        """The last requests to Trakt hosts that were answered, oldest first."""
        return list(self._watch.log)

    def _run(self, started: threading.Event) -> None:
        serving = self._serve(started)
        try:
            uvloop.run(serving)
        except OSError as error:
            self._error = error
        finally:
            serving.close()  # it was not begun if no loop could be made
            started.set()

    async def _serve(self, started: threading.Event) -> None:
        if self._proxy is None:
            return
        self._port = await self._proxy.start()
        self._loop = asyncio.get_running_loop()
        started.set()
        await self._stopping.wait()
        await self._proxy.stop()

    def _remove_folder(self) -> None:
        folder, self._folder = self._folder, None
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


class _Watch:
    """Notes each exchange, and approves device codes."""

    def __init__(
        self,
        local_trakt: RunningTrakt,
        *,
        approve_as: str | None,
        show: Callable[[Exchange], None] | None,
        hooks: Hooks | None,
    ) -> None:
        self._approval = None if approve_as is None else DeviceApproval(local_trakt.approve_device, approve_as)
        self._show = show
        self._hooks = hooks
        self.log: deque[Exchange] = deque(maxlen=LONGEST_LOG)

    async def on_request(self, exchange: Exchange) -> None:
        if self._hooks is not None:
            await self._hooks.on_request(exchange)

    async def on_response(self, exchange: Exchange) -> None:
        if self._hooks is not None:
            await self._hooks.on_response(exchange)
        self.log.append(exchange)
        if self._show is not None:
            self._show(exchange)
        if self._approval is not None:
            await self._approval.on_response(exchange)


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


def _roots(environ: Mapping[str, str]) -> bytes:
    """Return the certificates that programs trust outside the sandbox, for the hosts that are allowed."""
    paths = ssl.get_default_verify_paths()
    for path in (environ.get("SSL_CERT_FILE"), paths.cafile, paths.openssl_cafile):
        if path:
            try:
                return b"\n" + Path(path).read_bytes()
            except OSError:
                continue
    return b""
