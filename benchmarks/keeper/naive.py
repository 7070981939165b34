"""The loop that everybody writes first: Authlib, one account after another, on one kept connection."""

import json
import sys
import time

from authlib.integrations.requests_client import OAuth2Session

plan = json.loads(sys.stdin.read())
address = plan["base"] + "/oauth/token"
began, spent = time.perf_counter(), time.process_time()
with OAuth2Session(
    plan["client_id"], plan["client_secret"], token_endpoint_auth_method="client_secret_post"
) as session:
    for token in plan["tokens"]:
        if not session.refresh_token(address, refresh_token=token)["access_token"]:
            raise SystemExit("no token was given")
took, spent = time.perf_counter() - began, time.process_time() - spent
print(json.dumps({"done": len(plan["tokens"]), "seconds": took, "cpu": spent, "resident": 0}))
