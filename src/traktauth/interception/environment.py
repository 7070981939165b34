"""What leads a program through a proxy: hosts, variables, certificates to trust, and a home folder."""

from __future__ import annotations

import shutil
import ssl
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from traktauth.errors import TraktAuthError
from traktauth.models import App

DOMAIN = "trakt.tv"
HOSTS = (DOMAIN, "www.trakt.tv", "api.trakt.tv", "auth.trakt.tv", "app.trakt.tv")
BUNDLE_VARIABLES = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
ROOTS = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
"""Where systems have the certificates that all programs trust, if Python was built for another place."""
PROXY_VARIABLES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY")
TRUST_STORE_PASSWORD = "changeit"  # the usual one of Java; the store has certificates alone, and no key


def is_trakt(host: str) -> bool:
    """Return whether a host, in lower case, is one of Trakt's, also if it is not in `HOSTS`."""
    return host == DOMAIN or host.endswith(f".{DOMAIN}")


def read_roots(environ: Mapping[str, str]) -> bytes:
    """Return the certificates that programs trust otherwise (PEM): the system's, and those that `SSL_CERT_FILE` has."""
    paths = ssl.get_default_verify_paths()
    system = [_read(path) for path in (paths.cafile, paths.openssl_cafile, *ROOTS)]
    return b"\n".join((_read(environ.get("SSL_CERT_FILE")), next(filter(None, system), b"")))


def _read(path: str | None) -> bytes:
    try:
        return Path(path).read_bytes() if path else b""
    except OSError:
        return b""


def write_trust_files(bundle: Path, *, authorities: bytes, trust_store: bytes) -> None:
    """Write what programs must trust: the bundle, and beside it the settings of Wget and PHP and Java's trust store.

    Args:
        bundle: the path of the certificates.
        authorities: these certificates (PEM).
        trust_store: the CA for Java (PKCS #12).

    Raises:
        OSError: the folder cannot be written.
    """
    bundle.write_bytes(authorities)
    (bundle.parent / "trust.p12").write_bytes(trust_store)
    (bundle.parent / "wgetrc").write_text(f"ca_certificate = {bundle}\n", encoding="utf-8")
    (bundle.parent / "php.ini").write_text(f'curl.cainfo = "{bundle}"\nopenssl.cafile = "{bundle}"\n', encoding="utf-8")


def program_environment(
    base: Mapping[str, str], *, proxy_port: int, bundle: Path, credentials: str = ""
) -> dict[str, str]:
    """Return the environment of a program behind a proxy, with the certificates to trust.

    Args:
        base: the environment that it is made from; variables of traktauth are left out.
        proxy_port: the proxy's port on 127.0.0.1.
        credentials: the proxy's user name and password, as `NAME:PASSWORD@`, or nothing.
        bundle: the path of the certificates that the program must trust; `write_trust_files` has been called.
    """
    proxy = f"http://{credentials}127.0.0.1:{proxy_port}"
    environ = {name: value for name, value in base.items() if not name.startswith("TRAKTAUTH_")}
    for name, value in (*((name, proxy) for name in PROXY_VARIABLES), ("NO_PROXY", "localhost,127.0.0.1")):
        environ |= {name: value, name.lower(): value}
    environ.update(dict.fromkeys(BUNDLE_VARIABLES, str(bundle)), NODE_USE_ENV_PROXY="1", PERL_LWP_ENV_PROXY="1")
    environ["WGETRC"] = str(bundle.parent / "wgetrc")
    environ["PHP_INI_SCAN_DIR"] = f"{base.get('PHP_INI_SCAN_DIR', '')}:{bundle.parent}"  # after PHP's own folder
    java = {
        "http.proxyHost": "127.0.0.1",
        "http.proxyPort": str(proxy_port),
        "https.proxyHost": "127.0.0.1",
        "https.proxyPort": str(proxy_port),
        "http.nonProxyHosts": "localhost|127.0.0.1",
        "javax.net.ssl.trustStore": str(bundle.parent / "trust.p12"),
        "javax.net.ssl.trustStorePassword": TRUST_STORE_PASSWORD,
    }
    options = (f"'-D{name}={value}'" for name, value in java.items())
    environ["JAVA_TOOL_OPTIONS"] = " ".join((base.get("JAVA_TOOL_OPTIONS", ""), *options)).strip()
    return environ


def app_variables(app: App) -> dict[str, str]:
    """Return the variables that name the app that a program uses."""
    return {
        f"{prefix}{name}": value
        for prefix in ("TRAKT_", "TRAKTAUTH_")
        for name, value in (
            ("CLIENT_ID", app.client_id),
            ("CLIENT_SECRET", app.client_secret or ""),
            ("REDIRECT_URI", app.redirect_uri),
        )
    }


FOLDERS = ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME")
"""Variables that name folders elsewhere; without them a program uses those below its home."""


def make_home(environ: Mapping[str, str], home: Path, *, copy_of: Path | None) -> dict[str, str]:
    """Make a home folder, and return the environment of a program that has it.

    Args:
        environ: the environment without it.
        home: the folder to make.
        copy_of: the folder that is copied, without its pipes, sockets and devices; None: it is empty.

    Raises:
        TraktAuthError: it cannot be made, or a file cannot be copied.
    """
    try:
        if copy_of is None:
            home.mkdir(mode=0o700)
        else:
            shutil.copytree(copy_of, home, symlinks=True, ignore=_special_files)
    except shutil.Error as error:  # it has a list of files, each with source, copy and reason
        source, _, reason = error.args[0][0]
        raise _not_copied(source, reason) from None
    except OSError as error:
        raise _not_copied(copy_of or home, error.strerror) from None
    return {name: value for name, value in environ.items() if name not in FOLDERS} | {"HOME": str(home)}


def _special_files(folder: str, names: Iterable[str]) -> list[str]:
    """Return the names of what cannot be copied, such as the socket of an agent."""
    return [name for name in names if not _is_copied(Path(folder, name).lstat().st_mode)]


def _is_copied(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)


def _not_copied(path: object, reason: object) -> TraktAuthError:
    return TraktAuthError(
        f"{path} cannot be copied: {reason}", hint="Give a folder with the program's settings alone: --home"
    )
