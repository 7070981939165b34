"""The floor: a Starlette route on uvicorn that reads its JSON body and gives a fixed answer.

Usage: python floor.py PORT
"""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

ANSWER = {
    "access_token": "a" * 38,
    "token_type": "bearer",
    "expires_in": 604800,
    "refresh_token": "r" * 38,
    "scope": "public offline_access",
    "created_at": 1767225600,
}


async def token(request) -> JSONResponse:
    await request.json()
    return JSONResponse(ANSWER)


if __name__ == "__main__":
    application = Starlette(routes=[Route("/oauth/token", token, methods=["POST"])])
    uvicorn.run(
        application,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        http="httptools",
        loop="uvloop",
        access_log=False,
        log_level="warning",
        lifespan="off",
        ws="none",
    )
