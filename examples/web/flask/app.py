"""A web application with Trakt sign-in, on Flask."""

from __future__ import annotations

import os

from flask import Flask, render_template

from traktauth.web import WebLogin
from traktauth.web.flask import TraktLogin

login = TraktLogin(WebLogin.from_env())
app = Flask(__name__)
app.config.update(SECRET_KEY=os.environ.get("SECRET_KEY", "change this"), SESSION_COOKIE_SAMESITE="Lax")
app.register_blueprint(login)


@app.get("/")
def home() -> str:
    """Show the start page."""
    return render_template("home.html", account=login.account)


@app.get("/history")
@login.required
def history() -> str:
    """Show what the user has watched."""
    watched = login.trakt.request("GET", "/sync/history").json()
    return render_template("history.html", username=login.trakt.status().username, watched=watched)
