"""Questions to the insurance portal, the sandbox's portal, and one that records what it was asked."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from config.settings import PortalSettings, load
from hisbridge.http import poster
from hisbridge.lookups.insurance_portal import MAX_ANSWER, Clocks, InsurancePortal
from hisbridge.questions import CoverageQuestion
from sandbox.people import all_people, find
from sandbox.portal import Portal
from tests.hisbridge.making import portal_settings
from wire.server import Request, Response, json_response, serving

SITE = load().site


def client(settings: PortalSettings, clocks: Clocks | None = None) -> InsurancePortal:
    return InsurancePortal(settings, SITE, poster(MAX_ANSWER), clocks)


def about(key: str, **differences: Any) -> CoverageQuestion:
    person = find(key)
    usual: dict[str, Any] = {
        "personal_id": person.personal_id,
        "full_name": person.full_name,
        "birth_date": person.birth_date,
        "sex": person.sex,
        "visit_date": "2026-11-21",
    }
    return CoverageQuestion(**{**usual, **differences})


@contextmanager
def sandbox(folder: Path, **differences: Any) -> Iterator[tuple[Portal, InsurancePortal]]:
    portal = Portal(all_people())
    with portal.serving() as (_, port):
        yield portal, client(portal_settings(folder, port, **differences))


def held(**differences: Any) -> dict[str, Any]:
    """What the portal answers about a valid card of `mau`."""
    usual = {"maThe": "GD4000000000017", "gtTheTu": "01/01/2026", "gtTheDen": "31/12/2026"}
    person = {"hoTen": "Trần Thị Mẫu", "ngaySinh": "14/02/2003", "gioiTinh": "Nữ"}
    return {"maKetQua": "000", **usual, **person, **differences}


@contextmanager
def recording(answer: Callable[[dict[str, Any]], Any], token: Any = None) -> Iterator[tuple[int, list[Request]]]:
    """A portal that records its requests; look-ups are answered by `answer(form)`."""
    seen: list[Request] = []
    key = {"access_token": "A&=token", "id_token": "I", "expires_in": "2099-01-01T00:00:00Z"}

    def take(request: Request) -> Response:
        seen.append(request)
        return json_response(token or {"maKetQua": "200", "APIKey": key})

    def lookup(request: Request) -> Response:
        seen.append(request)
        told = answer(json.loads(request.body))
        return told if isinstance(told, Response) else json_response(told)

    routes = {("POST", "/api/token/take"): take, ("POST", "/api/egw/KQNhanLichSuKCB2024"): lookup}
    with serving(("127.0.0.1", 0), routes) as address:
        yield address[1], seen  # type: ignore[misc]
