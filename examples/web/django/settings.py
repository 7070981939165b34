"""Settings of the project."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent
SECRET_KEY = os.environ.get("SECRET_KEY", "change this to fifty characters of your own, please")
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "testserver"]
ROOT_URLCONF = "library"
USE_TZ = True
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DATABASE", FOLDER / "db.sqlite3"),
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
    }
}
if os.environ.get("PGDATABASE"):  # and PGHOST, PGPORT, PGUSER, PGPASSWORD
    DATABASES["default"] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": os.environ["PGDATABASE"],
        "HOST": os.environ["PGHOST"],
        "PORT": os.environ["PGPORT"],
        "USER": os.environ["PGUSER"],
        "PASSWORD": os.environ["PGPASSWORD"],
    }
INSTALLED_APPS = ["django.contrib.sessions", "traktauth.web.django"]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "DIRS": [FOLDER / "templates"]}]
TRAKTAUTH = {
    "CLIENT_ID": os.environ.get("TRAKTAUTH_CLIENT_ID", "your-app-id"),
    "CLIENT_SECRET": os.environ.get("TRAKTAUTH_CLIENT_SECRET", "your-app-secret"),
    "REDIRECT_URI": os.environ.get("TRAKTAUTH_REDIRECT_URI", "http://127.0.0.1:8000/trakt/callback"),
    "SERVICE": os.environ.get("TRAKTAUTH_SERVICE", "trakt"),
    "STORE": os.environ.get("TRAKTAUTH_STORE"),  # None: the project's database
}
