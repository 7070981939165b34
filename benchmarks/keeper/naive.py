"""The loop that everybody writes first: Authlib, one account after another; nothing is saved.

With `each` in the plan, every account has a session of its own, as Authlib's session carries the account's token; else
one session, and its kept connection, serves all.
"""

import json
import sys
import time

from authlib.integrations.requests_client import OAuth2Session

plan = json.loads(sys.stdin.read())
address = plan["base"] + "/oauth/token"


def new_session():
    return OAuth2Session(plan["client_id"], plan["client_secret"], token_endpoint_auth_method="client_secret_post")


def refresh(session, token):
    if not session.refresh_token(address, refresh_token=token)["access_token"]:
        raise SystemExit("no token was given")


began, spent = time.perf_counter(), time.process_time()
if plan["each"]:
    for token in plan["tokens"]:
        with new_session() as session:
            refresh(session, token)
else:
    with new_session() as session:
        for token in plan["tokens"]:
            refresh(session, token)
took, spent = time.perf_counter() - began, time.process_time() - spent
print(json.dumps({"done": len(plan["tokens"]), "seconds": took, "cpu": spent, "resident": 0}))
