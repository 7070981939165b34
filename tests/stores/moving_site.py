"""A web application whose pages call the API: `gunicorn moving_site:application`."""

from __future__ import annotations

from flask import Flask

from traktauth.web import WebLogin
from traktauth.web.flask import TraktLogin

application = Flask(__name__)
application.secret_key = "k" * 32
login = TraktLogin(WebLogin.from_env())
application.register_blueprint(login)


@application.get("/name")
@login.required
def name():
    """Return the user's name."""
    return login.trakt.request("GET", "/users/settings").json()["user"]["username"]
