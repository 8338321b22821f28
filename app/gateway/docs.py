"""`/openapi.json`, and `/docs`: Swagger UI from the package, no other host asked."""

from collections.abc import Mapping
from typing import Any

import orjson
import swagger_ui_bundle
from aiohttp import web

ASSETS = ("swagger-ui.css", "swagger-ui-bundle.js")

# Addresses are relative: a proxy may serve the gateway below a path of its own.
PAGE = b"""<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Forebay: the events API</title>
  <link rel="stylesheet" href="docs/swagger-ui.css">
  <link rel="icon" href="data:,">
</head>
<body>
  <div id="docs"></div>
  <script src="docs/swagger-ui-bundle.js"></script>
  <script>
    SwaggerUIBundle({url: "openapi.json", dom_id: "#docs", deepLinking: true})
  </script>
</body>
</html>
"""


def docs_routes(openapi: Mapping[str, Any]) -> list[web.RouteDef]:
    """Routes of the documentation; `openapi` is served as it is."""
    document = orjson.dumps(openapi)

    async def openapi_json(_: web.Request) -> web.Response:
        return web.Response(body=document, content_type="application/json")

    async def docs(_: web.Request) -> web.Response:
        return web.Response(body=PAGE, content_type="text/html", charset="utf-8")

    async def asset(request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name not in ASSETS:
            raise web.HTTPNotFound
        return web.FileResponse(swagger_ui_bundle.swagger_ui_path / name)

    return [
        web.get("/openapi.json", openapi_json),
        web.get("/docs", docs),
        web.get("/docs/{name}", asset),
    ]
