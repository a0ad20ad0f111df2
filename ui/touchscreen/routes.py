"""The touchscreen over HTTP: the page, its stream, its touches, and the panel's measures as a style sheet."""

from collections.abc import Mapping

from flask import Blueprint, Flask, Response, request
from flask.typing import ResponseReturnValue

from config.front import DisplaySettings
from config.settings import Settings
from kiosk.states import OutOfOrder, Session
from ui.saying import Saying
from ui.screens import Screen, screen_of
from ui.touchscreen.actions import event_of
from ui.touchscreen.stream import Controller, Streams, screen_events
from ui.words import Words

AWAY_LANGUAGES = 2  # that the cover speaks while the server is away: there is room for two
NEAR_CM = 60  # capitals of 7.3 mm are read from here (EN 301 549, 5.1.4: 0.7 degrees of view)


def blueprint(
    app: Flask,
    settings: Settings,
    controller: Controller,
    streams: Streams,
    build: str,
    words: Mapping[str, Words],
) -> Blueprint:
    """The routes. `build` names the version of the assets: a page of an older one reloads itself. `words` are those of
    every language in `settings.kiosk.display`."""
    pages = Blueprint("touchscreen", __name__)
    languages = settings.kiosk.display.languages

    def screen_now(session: Session) -> Screen:
        return screen_of(session, settings, words.get(session.language, words[settings.kiosk.language]))

    def render(session: Session) -> str:
        # Streams render outside of any request: the templates use nothing of Flask's.
        screen = screen_now(session)
        template = app.jinja_env.get_template(f"touchscreen/{screen.name}.html")
        said = Saying(words[screen.language])
        named = {language: Saying(words[language]).get(f"language.{language}") for language in languages}
        return template.render(
            screen=screen, say=said.get, site=settings.site, build=build, languages=named, **screen.context
        )

    @pages.get("/")
    def page() -> ResponseReturnValue:
        _, session = controller.snapshot()
        screen = screen_now(session)
        template = app.jinja_env.get_template("touchscreen/page.html")
        return template.render(
            screen=screen,
            content=render(session),
            words=words[screen.language],
            away=[words[language] for language in languages[:AWAY_LANGUAGES]],
            voice=settings.kiosk.voice,
            utc_offset=settings.site.utc_offset_minutes,
            build=build,
        )

    @pages.get("/touchscreen/panel.css")
    def panel() -> ResponseReturnValue:
        kiosk = settings.kiosk
        style = (
            f":root {{ --panel-mm: {kiosk.pixels_per_mm:g}px; --far: {far_of(kiosk.display):g}; "
            f"--warning: {kiosk.warning_seconds:g}s; --ticket: {kiosk.ticket_seconds:g}s; "
            f"--look: {settings.reader.mrz_seconds:g}s; --answer: {kiosk.answer_wait_seconds:g}s; }}\n"
        )
        return Response(style, mimetype="text/css")

    @pages.get("/touchscreen/events")
    def events() -> ResponseReturnValue:
        return Response(screen_events(controller, render, streams), mimetype="text/event-stream")

    @pages.post("/touchscreen/act")
    def act() -> ResponseReturnValue:
        session = controller.peek()[1]
        event = event_of(request.form.get("action", ""), request.form.get("value", ""), session, settings)
        token = request.form.get("token")
        # A touch that was meant for a screen which is no longer there must not press a button of the next one.
        if token is None or token == screen_now(session).token:
            controller.dispatch(event)
        return "", 204

    return pages


def told_of(now: tuple[int, Session], settings: Settings, words: Mapping[str, Words], build: str) -> dict[str, object]:
    """What `/health` says of the check-in: which screen is to stand there, and why it is out of order."""
    version, session = now
    problem = session.state.code if isinstance(session.state, OutOfOrder) else None
    screen = screen_of(session, settings, words.get(session.language, words[settings.kiosk.language]))
    return {
        "status": "ok" if problem is None else "out_of_order",
        "problem": problem,
        "showing": screen.name,
        "reader_ready": session.reader_ready,
        "version": version,
        "build": build,
    }


def far_of(display: DisplaySettings) -> float:
    """By what letters grow with the distance of the eyes; never smaller than for `NEAR_CM`."""
    return max(1.0, round(display.distance_cm / NEAR_CM, 2))
