"""fakesnow as a server on disk that connector 5 can talk to. Environment:

FOLDER        databases, kept over restarts
PORT          on 127.0.0.1
USERS_FILE    who may log in, see login.py
S3_ENDPOINT, S3_KEY, S3_SECRET, S3_REGION   what `s3://` in a stage means
IDLE_SECONDS  a session that did nothing for so long, and whose open transaction is in the way of
              another one, is rolled back (Snowflake: 5 minutes)
"""

import gzip
import json
import os
import secrets
import time
from asyncio import Future, get_running_loop
from collections import OrderedDict
from pathlib import Path

import fakesnow.server
import patches
import s3fs
import uvicorn
from fakesnow.instance import FakeSnow
from login import refusal
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

FOLDER = Path(os.environ["FOLDER"])
USERS_FILE = Path(os.environ["USERS_FILE"])
IDLE_SECONDS = float(os.environ.get("IDLE_SECONDS", "2"))
IN_THE_WAY = "000625"
REMEMBERED_ANSWERS = 500

answers: OrderedDict[str, Future[tuple[int, bytes]]] = OrderedDict()
open_since: dict[str, float] = {}  # sessions with an open transaction, by token: last heard of


def start_database() -> None:
    """Open what is on disk, and S3 (DuckDB's own extension for it is no package)."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    database = FakeSnow(db_path=FOLDER, nop_regexes=[r"ALTER SESSION "])
    patches.s3 = s3fs.S3FileSystem(
        endpoint_url=os.environ["S3_ENDPOINT"],
        key=os.environ["S3_KEY"],
        secret=os.environ["S3_SECRET"],
        client_kwargs={"region_name": os.environ.get("S3_REGION", "us-east-1")},
        use_listings_cache=False,
        skip_instance_cache=True,
    )
    for file in FOLDER.glob("*.db"):
        database.connect(file.stem).close()
    fakesnow.server.shared_fs = database


async def body_of(request: Request) -> dict:
    raw = await request.body()
    packed = request.headers.get("content-encoding") == "gzip"
    return json.loads(gzip.decompress(raw) if packed else raw)


def with_body(request: Request, body: dict) -> Request:
    """The same request, with a plain body."""
    raw = json.dumps(body).encode()
    scope = dict(request.scope)
    scope["headers"] = [(k, v) for k, v in scope["headers"] if k != b"content-encoding"]

    async def receive() -> dict:
        return {"type": "http.request", "body": raw, "more_body": False}

    return Request(scope, receive)


async def log_in(request: Request) -> JSONResponse:
    body = await body_of(request)
    why = refusal(body["data"], USERS_FILE)
    if why is not None:
        return JSONResponse(
            {
                "data": {"nextAction": "RETRY_LOGIN"},
                "code": "390144",
                "message": f"JWT token is invalid. {why}",
                "success": False,
                "headers": None,
            }
        )
    body["data"].setdefault("SESSION_PARAMETERS", {})
    answer = json.loads((await fakesnow.server.login_request(with_body(request, body))).body)
    # Connector 5 wants these, 4 did without.
    answer["data"] |= {
        "masterToken": secrets.token_urlsafe(32),
        "masterValidityInSeconds": 14_400,
        "validityInSeconds": 3_600,
        "sessionId": secrets.randbits(40),
        "displayUserName": body["data"]["LOGIN_NAME"],
    }
    return JSONResponse({"code": None, "message": None, **answer})


async def query(request: Request) -> Response:
    """Answer a repeated request (the connector repeats what was not answered) without doing it
    again, as Snowflake does by `requestId`."""
    request_id = request.query_params.get("requestId") or secrets.token_hex()
    if request_id not in answers:
        answers[request_id] = get_running_loop().create_future()
        while len(answers) > REMEMBERED_ANSWERS:
            answers.popitem(last=False)
        try:
            answers[request_id].set_result(await run(request))
        except BaseException:
            answers.pop(request_id).cancel()
            raise
    status, content = await answers[request_id]
    return Response(content, status, media_type="application/json")


async def run(request: Request) -> tuple[int, bytes]:
    body = await body_of(request)
    token = fakesnow.server.to_token(request)
    first_word = (body.get("sqlText") or " ").split(maxsplit=1)[0].upper()
    if first_word == "BEGIN" or token in open_since:
        open_since[token] = time.monotonic()
    answer = await fakesnow.server.query_request(with_body(request, body))
    if json.loads(answer.body).get("code") == IN_THE_WAY:
        roll_back_idle(besides=token)
    if first_word in ("COMMIT", "ROLLBACK"):
        open_since.pop(token, None)
    return answer.status_code, bytes(answer.body)


def roll_back_idle(besides: str) -> None:
    """End the transactions of clients that are probably dead."""
    for token, last in list(open_since.items()):
        if token != besides and time.monotonic() - last > IDLE_SECONDS:
            del open_since[token]
            session = fakesnow.server.sessions.pop(token, None)
            if session is not None:
                session.close()


async def anything_else(_: Request) -> JSONResponse:
    return JSONResponse({"data": None, "success": True, "code": None, "message": None})


OURS = {"/session/v1/login-request": log_in, "/queries/v1/query-request": query}


def routes() -> list[Route]:
    kept = [
        Route(route.path, OURS.get(route.path, route.endpoint), methods=list(route.methods))
        for route in fakesnow.server.routes
    ]
    every_method = ["GET", "POST", "PUT", "DELETE"]
    return [*kept, Route("/{path:path}", anything_else, methods=every_method)]


if __name__ == "__main__":
    start_database()
    port = int(os.environ["PORT"])
    uvicorn.run(Starlette(routes=routes()), host="127.0.0.1", port=port, log_level="info")
