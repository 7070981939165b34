"""What `traktauth proxy` does once its extra is installed."""

from __future__ import annotations

import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from traktauth.cli.command_hints import COMMAND_HINTS
from traktauth.cli.command_run import run_command
from traktauth.cli.common_options import CommonOptions
from traktauth.cli.output import WARNING, print_message
from traktauth.errors import TraktAuthError
from traktauth.hints import Hint, ShellCommand
from traktauth.interception.certificates import Certificates
from traktauth.interception.command_process import CommandProcess
from traktauth.interception.connect_proxy import USER
from traktauth.interception.environment import (
    DOMAIN,
    TRUST_STORE_PASSWORD,
    program_environment,
    read_roots,
    write_trust_files,
)
from traktauth.proxy.application import Application
from traktauth.proxy.interceptor import INTERCEPTED, Interceptor
from traktauth.proxy.logins import Logins
from traktauth.proxy.oauth_requests import OAuthRequests
from traktauth.proxy.upstream import Upstream
from traktauth.stores.open import open_store

DAYS = 365
REPEAT_SECONDS = 60.0
"""After which a message is told again."""


def run(
    options: CommonOptions,
    words: tuple[str, ...],
    *,
    sign_in: Literal["own", "shared"],
    may_revoke: bool,
    allow: tuple[str, ...],
) -> int:
    """Run a command behind the proxy, and return its exit status."""
    settings = options.settings()
    messages = _Messages(options)
    with ExitStack() as stack:
        process = stack.enter_context(CommandProcess())
        logins = Logins(open_store(settings.store), settings, tell=messages.tell)
        stack.callback(logins.close)
        upstream = Upstream(logins.service)
        oauth = OAuthRequests(logins, sign_in=sign_in, may_revoke=may_revoke, tell=messages.tell)
        certificates = Certificates(INTERCEPTED, DOMAIN, owner="traktauth proxy", days=DAYS)
        application = Application(logins, oauth, upstream)
        interceptor = Interceptor(application, upstream, certificates.server_context(), allow=allow)
        trust_store = certificates.trust_store(TRUST_STORE_PASSWORD)
        authorities = certificates.authority + b"\n" + read_roots(os.environ)
        try:
            interceptor.start()
            stack.callback(interceptor.close)
            # As late as possible: until the command runs, its supervisor does not know what to remove.
            folder = Path(stack.enter_context(TemporaryDirectory("", "traktauth-proxy-", ignore_cleanup_errors=True)))
            write_trust_files(folder / "ca.pem", authorities=authorities, trust_store=trust_store)
        except OSError as error:
            more = "Name a temporary folder with room in TMPDIR, or raise the limit of open files: "
            hint = Hint(more, ShellCommand("ulimit -n 4096"))
            raise TraktAuthError(f"The proxy cannot be started: {error.strerror}", hint=hint) from None
        environ = program_environment(
            os.environ,
            proxy_port=interceptor.port,
            bundle=folder / "ca.pem",
            credentials=f"{USER}:{interceptor.password}@",
        )
        status = run_command(process, words, environ, folders=[folder])
        _advise(interceptor, words[0])
        return status


class _Messages:
    """What the user is told while a program runs; each message at most once a minute."""

    def __init__(self, options: CommonOptions) -> None:
        self._options = options
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}

    def tell(self, message: str, error: TraktAuthError | None = None) -> None:
        """Print a message, and what the user can do about an error."""
        with self._lock:
            now = time.monotonic()
            if self._told.get(message, -REPEAT_SECONDS) > now - REPEAT_SECONDS:
                return
            self._told[message] = now
        if error is None:
            print_message(message)
        else:
            print_message(WARNING, f"{message}. {self._options.with_flags(error.hint_from(COMMAND_HINTS))}")


def _advise(interceptor: Interceptor, program: str) -> None:
    """Say why a program may not have used the proxy."""
    if interceptor.distrusted:
        hosts = ", ".join(sorted(interceptor.distrusted))
        print_message(
            WARNING,
            f"{program} did not accept the proxy's certificate of {hosts}: set the file in SSL_CERT_FILE in its own "
            "configuration; a program that pins certificates cannot be helped",
        )
    elif not interceptor.reached:
        print_message(
            WARNING,
            f"{program} sent no request to Trakt through the proxy. If it should have, it ignores HTTPS_PROXY, as Node "
            "before 22.21 and aiohttp without trust_env=True do: set the proxy in its own configuration",
        )
