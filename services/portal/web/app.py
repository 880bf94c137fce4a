"""The application: routes behind their guards, and what is said when something we need is away."""

from collections.abc import Collection
from http import HTTPStatus
from importlib.resources import files

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.types import ASGIApp

from services.portal.enrolling import ChangedMeanwhile
from services.portal.web import api, following, partners, previews, switches
from services.portal.web.armour import Armour
from services.portal.web.door import Doors
from services.portal.web.house import House
from services.portal.web.pages import pages
from services.portal.web.shapes import Refusal
from shared.ports import Clock

_ROUTERS = (
    *(api.public, api.own, switches.own, previews.own, following.own),
    *(api.operators, switches.operators, partners.operators),
    *(partners.partners, following.partners),
    pages,
)


def build(
    house: House, doors: Doors, clock: Clock, leaves_to: Collection[str], requests_a_minute: int
) -> tuple[FastAPI, ASGIApp]:
    """Return the application and, around it, what a server is given."""
    app = FastAPI(title="Slipstream portal", version="1", docs_url=None, redoc_url=None, openapi_url="/v1/openapi.json")
    app.state.house, app.state.doors = house, doors
    for router in _ROUTERS:
        app.include_router(router)
    app.add_api_route("/style.css", _style, include_in_schema=False)
    app.add_exception_handler(ConnectionError, _away)
    app.add_exception_handler(ChangedMeanwhile, _away)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(api.NotTaken, _not_taken)
    return app, Armour(app, clock, secure=doors.secure, leaves_to=leaves_to, requests_a_minute=requests_a_minute)


async def _style() -> Response:
    sheet = files("services.portal.web").joinpath("templates", "style.css").read_text(encoding="utf-8")
    return Response(sheet, media_type="text/css", headers={"Cache-Control": "max-age=3600"})


async def _away(_request: Request, _error: Exception) -> Response:
    why = "something we need is away, or somebody else changed the same; try again in a moment"
    return JSONResponse({"detail": why}, HTTPStatus.SERVICE_UNAVAILABLE, {"Retry-After": "1"})


async def _not_taken(_request: Request, error: Exception) -> Response:
    problems = error.problems if isinstance(error, api.NotTaken) else []
    return JSONResponse(Refusal.of(problems).model_dump(mode="json"), HTTPStatus.CONFLICT)


async def _unreadable(_request: Request, error: Exception) -> Response:
    """Say which field was wrong and why; what was sent is not quoted: it may be a secret."""
    wrong = error.errors() if isinstance(error, RequestValidationError) else []
    detail = [{"loc": list(each["loc"]), "msg": str(each["msg"]), "type": str(each["type"])} for each in wrong]
    return JSONResponse({"detail": detail}, HTTPStatus.UNPROCESSABLE_ENTITY)
