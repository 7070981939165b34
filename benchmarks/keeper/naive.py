"""The loop that everybody writes first: Authlib, one account after another.

With `each` in the plan, every account has a session of its own, as Authlib's session carries the account's token; else
one session, and its kept connection, serves all. With `database`, the tokens rest in PostgreSQL as the keeper's do, and
each is read, refreshed and saved for good before the next has its turn; else nothing is saved.
"""

import json
import sys
import time

from authlib.integrations.requests_client import OAuth2Session

plan = json.loads(sys.stdin.read())
address = plan["base"] + "/oauth/token"


class Tokens:
    """The refresh tokens, in this process."""

    def __init__(self, tokens):
        self.tokens = tokens

    def load(self, account):
        return self.tokens[account]

    def save(self, account, token):
        self.tokens[account] = token["refresh_token"]


class Database:
    """The refresh tokens, in a table."""

    def __init__(self, url, tokens):
        import psycopg

        self.on = psycopg.connect(url, autocommit=True)
        self.on.execute("CREATE TABLE IF NOT EXISTS naive (account INTEGER PRIMARY KEY, token TEXT NOT NULL)")
        self.on.execute("TRUNCATE naive")
        with self.on.cursor() as cursor:
            cursor.executemany("INSERT INTO naive VALUES (%s, %s)", list(enumerate(tokens)))

    def load(self, account):
        return self.on.execute("SELECT token FROM naive WHERE account = %s", (account,)).fetchone()[0]

    def save(self, account, token):
        self.on.execute("UPDATE naive SET token = %s WHERE account = %s", (token["refresh_token"], account))


def new_session():
    return OAuth2Session(plan["client_id"], plan["client_secret"], token_endpoint_auth_method="client_secret_post")


def renew(session, account):
    kept.save(account, session.refresh_token(address, refresh_token=kept.load(account)))


count = len(plan["tokens"])
kept = Database(plan["database"], plan["tokens"]) if plan["database"] else Tokens(plan["tokens"])
began, spent = time.perf_counter(), time.process_time()
if plan["each"]:
    for account in range(count):
        with new_session() as session:
            renew(session, account)
else:
    with new_session() as session:
        for account in range(count):
            renew(session, account)
took, spent = time.perf_counter() - began, time.process_time() - spent
print(json.dumps({"done": count, "seconds": took, "cpu": spent, "resident": 0}))
