"""The desk put together: every part of the staff's pages on the site's own database and its line to the bridge."""

from flask import Flask

from config.settings import Settings, socket_path
from kiosk.accounts import Role, open_accounts
from kiosk.clock import Clock, SystemClock
from kiosk.connection import SharedConnection, site_database
from kiosk.database_look import DatabaseLook
from kiosk.machines import Scope, open_machines
from kiosk.queue.desk import open_queue
from kiosk.secret_hash import SecretHash
from kiosk.sessions import open_sessions
from kiosk.sign_in import SignIn
from ui import font_pages, health, voice_pages
from ui.api import routes as api
from ui.api.handlers import Desk as ApiDesk
from ui.api.rates import Rates
from ui.board import routes as board
from ui.counter import routes as counter
from ui.counter.desk import open_desk
from ui.desk.access import allow, for_anybody, free_on_own_socket
from ui.desk.app import CLOSERS, Staff, create_desk
from ui.desk.gate import cookie_name
from ui.desk.machines import COOKIE, finder
from ui.metrics import routes as metrics
from ui.metrics.gathering import Gatherer, besides_the_desk
from ui.packs import offered_packs
from ui.people.parts import parts_of
from ui.statistics import routes as statistics
from ui.technician import doctor
from ui.technician import routes as technician
from ui.technician.bridge import Bridge
from ui.technician.watch import Watch
from wire.client import Client
from wire.health import Health, health_of
from wire.meter import Meter, Report


def desk_of(settings: Settings) -> Flask:
    """The application, its watch already looking. Raises CertificateUnusable."""
    clock = SystemClock()
    bridge = Client(socket_path(settings, "bridge"))
    staff = staff_of(settings, clock)
    receptionists = open_desk(settings, clock, staff.sessions.sit)
    technicians = _message_desk(bridge, clock)
    programs = ApiDesk(settings, clock)
    machines = open_machines(settings, clock)
    boards_speak = {language for one in settings.queue.boards for language in one.languages}
    packs = offered_packs(settings, boards_speak)
    voice = packs.voice()
    fonts = packs.fonts(boards_speak)
    look, meter = DatabaseLook(settings), Meter()
    bridge_answers = health.answers(bridge)

    def ready() -> Health:
        return health_of({"database": look()}, {"bridge": bridge_answers()})

    def figures() -> Report:
        return health.report(ready(), meter, [])

    gatherer = Gatherer(settings, {"desk": figures}, besides_the_desk(settings))
    boards = board.Boards(open_queue(settings, clock), voice, clock)
    counted = SharedConnection(site_database(settings))
    app = create_desk(
        settings,
        staff,
        (
            lambda app, build: counter.blueprint(app, settings, receptionists, build),
            lambda app, build: technician.blueprint(app, settings, technicians, build),
            lambda app, build: doctor.blueprint(app, settings, build, clock.now),
            lambda app, build: statistics.blueprint(app, settings, counted, clock, build),
            lambda app, build: board.blueprint(app, settings, boards, build),
            lambda _app, _build: allow(voice_pages.blueprint(voice), *Role, Scope.BOARD),
            lambda _app, _build: allow(font_pages.blueprint(fonts), *Role, Scope.BOARD),
            lambda _app, _build: health.with_figures(health.blueprint(ready, for_anybody), figures, free_on_own_socket),
            lambda _app, _build: metrics.blueprint(gatherer),
            lambda _app, _build: api.blueprint(programs, Rates(clock.monotonic)),
            *parts_of(settings, staff, machines, clock),
        ),
        finder(machines, cookie_name(settings, COOKIE)),
    )
    parts = (receptionists, technicians, programs, machines, boards.queue, counted, staff, look)
    app.extensions[CLOSERS] += [part.close for part in parts]
    return app


def staff_of(settings: Settings, clock: Clock) -> Staff:
    """Who works at this site."""
    accounts, sessions = open_accounts(settings, clock), open_sessions(settings, clock)
    return Staff(accounts, sessions, SignIn(accounts, sessions, SecretHash(), clock))


def _message_desk(bridge: Client, clock: Clock) -> technician.Technician:
    line = Bridge(bridge)
    watch = Watch(line.health, clock.now)
    watch.start()
    return technician.Technician(line, watch, clock.now)
