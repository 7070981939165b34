"""Authlib's authorization server on Flask, as its documentation builds it: SQLAlchemy, SQLite with WAL.

$DATABASE names the file, $TOKENS the file that gets refresh tokens to begin with. Run by gunicorn: `server:app`.
"""

from __future__ import annotations

import json
import os
import secrets
import time

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.integrations.sqla_oauth2 import (
    OAuth2ClientMixin,
    OAuth2TokenMixin,
    create_query_client_func,
    create_save_token_func,
)
from authlib.oauth2.rfc6749 import grants
from flask import Flask
from sqlalchemy import Column, Integer, create_engine, event
from sqlalchemy.orm import declarative_base, scoped_session, sessionmaker

engine = create_engine(f"sqlite:///{os.environ['DATABASE']}")


@event.listens_for(engine, "connect")
def prepare(connection, _record):
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")


session = scoped_session(sessionmaker(engine))
Base = declarative_base()


class Client(Base, OAuth2ClientMixin):
    __tablename__ = "client"
    id = Column(Integer, primary_key=True)


class Token(Base, OAuth2TokenMixin):
    __tablename__ = "token"
    id = Column(Integer, primary_key=True)
    user_id = Column(Integer)


class Refresh(grants.RefreshTokenGrant):
    INCLUDE_NEW_REFRESH_TOKEN = True
    TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_post",)

    def authenticate_refresh_token(self, refresh_token):
        token = session.query(Token).filter_by(refresh_token=refresh_token).first()
        return token if token and not token.is_revoked() else None

    def authenticate_user(self, refresh_token):
        return User(refresh_token.user_id)

    def revoke_old_credential(self, refresh_token):
        refresh_token.refresh_token_revoked_at = refresh_token.access_token_revoked_at = int(time.time())
        session.add(refresh_token)
        session.commit()


class User:
    def __init__(self, number):
        self.number = number

    def get_user_id(self):
        return self.number


app = Flask("bench")
app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
server = AuthorizationServer(app, create_query_client_func(session, Client), create_save_token_func(session, Token))
server.register_grant(Refresh)


@app.post("/oauth/token")
def token():
    return server.create_token_response()


@app.teardown_appcontext
def done(_error):
    session.remove()


def begin():
    Base.metadata.create_all(engine)
    client = Client(client_id="c" * 64, client_secret="s" * 64, client_id_issued_at=1)
    client.set_client_metadata(
        {
            "grant_types": ["refresh_token"],
            "scope": "public",
            "token_endpoint_auth_method": "client_secret_post",
        }
    )
    session.add(client)
    tokens = [secrets.token_urlsafe(36) for _ in range(64)]
    for number, refresh in enumerate(tokens):
        session.add(
            Token(
                client_id="c" * 64,
                user_id=number,
                token_type="Bearer",
                access_token=secrets.token_urlsafe(36),
                refresh_token=refresh,
                scope="public",
                issued_at=int(time.time()),
                expires_in=864000,
            )
        )
    session.commit()
    session.remove()
    with open(os.environ["TOKENS"], "w") as file:
        json.dump(tokens, file)


begin()
