"""Settings of the project."""

from __future__ import annotations

import os
from pathlib import Path

FOLDER = Path(__file__).parent
SECRET_KEY = os.environ.get("SECRET_KEY", "change this to fifty characters of your own, please")
DEBUG = True
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
ROOT_URLCONF = "library"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("DATABASE", FOLDER / "db.sqlite3"),
        "OPTIONS": {"timeout": 20, "transaction_mode": "IMMEDIATE"},
    }
}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "social_django",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "social_django.middleware.SocialAuthExceptionMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [FOLDER / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTHENTICATION_BACKENDS = ["traktauth.web.social.TraktOAuth2", "django.contrib.auth.backends.ModelBackend"]
LOGIN_URL = "/"
LOGIN_REDIRECT_URL = "/history"
SOCIAL_AUTH_LOGIN_ERROR_URL = "/"
SOCIAL_AUTH_RAISE_EXCEPTIONS = False
SOCIAL_AUTH_REVOKE_TOKENS_ON_DISCONNECT = True
SOCIAL_AUTH_TRAKT_KEY = os.environ.get("TRAKTAUTH_CLIENT_ID", "your-app-id")
SOCIAL_AUTH_TRAKT_SECRET = os.environ.get("TRAKTAUTH_CLIENT_SECRET", "your-app-secret")
SOCIAL_AUTH_TRAKT_SERVICE = os.environ.get("TRAKTAUTH_SERVICE", "trakt")
SOCIAL_AUTH_TRAKT_STORE = os.environ.get("TRAKTAUTH_STORE", "file:")
SOCIAL_AUTH_TRAKT_REDIRECT_URI = os.environ.get("TRAKTAUTH_REDIRECT_URI")  # None: where the request leads
