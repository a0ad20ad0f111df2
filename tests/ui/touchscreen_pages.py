"""The touchscreen pages of a scripted controller, over HTTP."""

import re

from flask.testing import FlaskClient

from kiosk.states import (
    Session,
)
from tests.ui.scripted import (
    ScriptedController,
)

TOUCH = {"HX-Request": "true"}


def page_of(client: FlaskClient, controller: ScriptedController, session: Session) -> str:
    controller.show(session)
    answer = client.get("/")
    assert answer.status_code == 200
    return answer.text


def token_of(html: str) -> str:
    found = re.search(r'id="s-([0-9a-f]+)"', html)
    assert found
    return found[1]
