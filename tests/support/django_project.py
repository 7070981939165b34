"""A Django project for tests in this process; Django is configured once a process."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Iterator


def configure() -> None:
    """Configure Django for every test of this process."""
    if settings.configured:
        return
    folder = Path(tempfile.mkdtemp(prefix="traktauth-django-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    settings.configure(
        SECRET_KEY="k" * 60,
        ALLOWED_HOSTS=["testserver", "127.0.0.1"],
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": folder / "db",
                "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
                "TEST": {"NAME": folder / "test-db"},  # a file: threads cannot share a database in memory
            }
        },
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "traktauth.web.django",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        ROOT_URLCONF="support.django_urls",
        TRAKTAUTH={"CLIENT_ID": "id", "CLIENT_SECRET": "secret", "REDIRECT_URI": "https://testserver/trakt/callback"},
    )
    django.setup()


@contextmanager
def databases() -> Iterator[None]:
    """Make the project's test database."""
    from django.db import connections  # noqa: PLC0415 - once Django is configured
    from django.test.utils import (  # noqa: PLC0415 - the same
        setup_databases,
        setup_test_environment,
        teardown_databases,
        teardown_test_environment,
    )

    setup_test_environment()
    made = setup_databases(verbosity=0, interactive=False)
    try:
        yield
    finally:
        connections.close_all()
        teardown_databases(made, verbosity=0)
        teardown_test_environment()


def trakt_settings(server: Any, **more: Any) -> dict[str, Any]:
    """Return the setting TRAKTAUTH for a local Trakt."""
    app = server.app
    return {
        "CLIENT_ID": app.client_id,
        "CLIENT_SECRET": app.client_secret,
        "REDIRECT_URI": app.redirect_uri,
        "SERVICE": server.url,
        "CLOCK": server.clock,
        **more,
    }
