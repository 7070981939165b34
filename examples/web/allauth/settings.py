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
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "traktauth.web.django",
    "traktauth.web.allauth",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [FOLDER / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
LOGIN_URL = "/"
LOGIN_REDIRECT_URL = "/history"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SIGNUP_FIELDS = ["username*"]
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
SOCIALACCOUNT_STORE_TOKENS = True  # and yet none is stored
SOCIALACCOUNT_PROVIDERS = {
    "trakt": {
        "APPS": [
            {
                "client_id": os.environ.get("TRAKTAUTH_CLIENT_ID", "your-app-id"),
                "secret": os.environ.get("TRAKTAUTH_CLIENT_SECRET", "your-app-secret"),
            }
        ],
        "REDIRECT_URI": os.environ.get("TRAKTAUTH_REDIRECT_URI"),  # None: where the request leads
        "SERVICE": os.environ.get("TRAKTAUTH_SERVICE", "trakt"),
        "STORE": os.environ.get("TRAKTAUTH_STORE"),  # None: the project's database
    }
}
