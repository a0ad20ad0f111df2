"""A real scrape of the whole product: what promtool says of it, who may have it, what it costs, what it never holds."""

import http.client
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from config.settings import load, socket_path
from kiosk.accounts import Role, open_accounts
from kiosk.clock import SystemClock
from kiosk.sessions import open_sessions
from sandbox.people import everybody
from tests.monitoring.test_rules import ALERTS, EXPRESSIONS, FOLDER, metrics_in, promtool, targets
from tests.support.checkin import by_card, by_code, by_number, leave, open_card
from tests.support.screen import Screen
from tests.support.waiting import BUSY_SECONDS, wait_until
from tests.support.world import World, free_port, run_command
from ui.desk.gate import cookie_name
from ui.metrics.catalogue import KNOWN, METRICS
from wire.client import _UnixConnection

pytestmark = pytest.mark.pcsc

# Told only where there is such a thing: a heartbeat, copies, a page that shows, something that is wrong.
SOMETIMES = {
    "tiepdon_part_problem",
    "tiepdon_screen_errors_total",
    "tiepdon_upkeep_last_timestamp_seconds",
    "tiepdon_doctor_report_timestamp_seconds",
    "tiepdon_doctor_findings",
    "tiepdon_doctor_problem",
    "tiepdon_heartbeats_total",
    "tiepdon_heartbeat_sent_timestamp_seconds",
    "tiepdon_heartbeat_clock_offset_seconds",
    "tiepdon_tickets_printed_total",
    "tiepdon_screen_heartbeat_age_seconds",
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    running = World(tmp_path_factory.mktemp("scrape") / "state")
    try:
        with Screen(running.touchscreen) as screen:
            screen.touch("path", "qr")
            screen.wait_for("ask_qr")
            by_code(running, screen, "mau")
            leave(screen)
            by_number(screen, "001303900017")
            leave(screen)
            by_card(running, screen, "vi-du")
        yield running
    finally:
        running.stop()


def on_own_socket(world: World, path: str = "/metrics") -> tuple[int, str]:
    connection = _UnixConnection(socket_path(load(world.settings), "desk"), BUSY_SECONDS)
    try:
        connection.request("GET", path, headers={"Host": "localhost"})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def over_network(world: World, path: str, **headers: str) -> tuple[int, str]:
    host = world.facts["staff"].removeprefix("http://").rstrip("/")
    connection = http.client.HTTPConnection(host, timeout=BUSY_SECONDS)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def cookie_of(world: World, role: Role) -> str:
    """The cookie of somebody of this role, signed in."""
    settings, clock = load(world.settings), SystemClock()
    with closing(open_accounts(settings, clock)) as accounts, closing(open_sessions(settings, clock)) as sessions:
        name = next(account.name for account in accounts.all() if account.role is role)
        return f"{cookie_name(settings)}={sessions.begin(name)}"


def scrape(world: World) -> str:
    status, text = on_own_socket(world)
    assert status == 200, text
    return text


def value(text: str, series: str) -> float | None:
    found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.M)
    return float(found[1]) if found else None


def fresh(world: World, series: str, wanted: float) -> bool:
    return value(scrape(world), series) == wanted


@pytest.mark.skipif(shutil.which("promtool") is None, reason="no promtool here")
def test_promtool_finds_nothing_to_complain_of(world: World) -> None:
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=scrape(world), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert promtool("--version").returncode == 0


def test_it_tells_what_happened(world: World) -> None:
    text = scrape(world)
    for path in ("qr", "chip", "typed"):
        ended = re.findall(rf'^tiepdon_checkins_total{{outcome="(?:ticket|counter)",path="{path}"}} (\S+)$', text, re.M)
        assert [float(one) for one in ended] == [1.0], path
        assert value(text, f'tiepdon_checkin_duration_seconds_count{{path="{path}"}}') == 1.0
    assert value(text, 'tiepdon_chip_readings_total{outcome="read"}') == 1.0
    assert value(text, 'tiepdon_codes_total{outcome="card_qr"}') == 1.0
    for process in ("reader", "bridge", "kiosk", "desk"):
        assert value(text, f'tiepdon_up{{process="{process}"}}') == 1.0
        assert value(text, f'tiepdon_ready{{process="{process}"}}') == 1.0
        memory = value(text, f'tiepdon_process_resident_memory_bytes{{process="{process}"}}')
        assert memory is not None
        assert memory > 20e6
    assert 'code="screen.never_seen",part="screen"' in text  # nobody has a browser open here


def test_every_metric_of_the_catalogue_the_alerts_and_the_dashboard_is_really_told(world: World) -> None:
    told = set(re.findall(r"^# TYPE (\w+) ", scrape(world), re.M))
    wanted = {metric.name for metric in METRICS} - SOMETIMES
    assert wanted - told == set()
    assert told <= KNOWN.keys()
    asked = [one or other for one, other in EXPRESSIONS] + [target["expr"] for target in targets()]
    used = {name for expression in asked for name in metrics_in(expression)}
    assert used - told - SOMETIMES == set()


def test_no_person_and_no_number_of_one_stands_in_it(world: World) -> None:
    text = scrape(world)
    people = [one for person in everybody() for one in (person.full_name, person.personal_id) if one]
    assert [one for one in people if one in text] == []
    assert re.findall(r'="[^"]*\d{9,}', text) == []
    assert all(re.fullmatch(r"[A-Za-z0-9_.:+-]+", label) for label in re.findall(r'[a-z]="([^"]*)"', text))


def test_technicians_machines_of_that_scope_and_the_own_socket_have_it_and_nobody_else(world: World) -> None:
    assert over_network(world, "/metrics")[0] == 401
    assert over_network(world, "/metrics", Authorization="Bearer tdm_nothing")[0] == 401
    made = {
        scope: run_command(
            "machine", "enrol", f"m-{scope}", "--scope", scope, "--token", "--config", str(world.settings)
        ).stdout.strip()
        for scope in ("metrics", "queue")
    }
    assert over_network(world, "/metrics", Authorization=f"Bearer {made['metrics']}")[0] == 200
    assert over_network(world, "/metrics", Authorization=f"Bearer {made['queue']}")[0] == 403
    # A token for figures opens nothing else, and no page hands the processes' own ones out.
    assert over_network(world, "/api/v1/queues", Authorization=f"Bearer {made['metrics']}")[0] in (403, 404)
    assert over_network(world, "/v1/metrics", Authorization=f"Bearer {made['metrics']}")[0] == 403
    for role, status in ((Role.TECHNICIAN, 200), (Role.RECEPTIONIST, 403)):
        assert over_network(world, "/metrics", Cookie=cookie_of(world, role))[0] == status, role


def test_the_touchscreens_address_has_no_figures(world: World) -> None:
    host = world.touchscreen.removeprefix("http://").rstrip("/")
    for path in ("/metrics", "/v1/metrics"):
        connection = http.client.HTTPConnection(host, timeout=BUSY_SECONDS)
        connection.request("GET", path)
        assert connection.getresponse().status == 404
        connection.close()


def test_a_scrape_is_quick(world: World) -> None:
    scrape(world)  # the first loads the library
    took: list[float] = []

    def another() -> bool:
        told = value(scrape(world), "tiepdon_scrape_duration_seconds")
        assert told is not None
        took.extend([told] if told not in took else [])
        return len(took) == 4

    wait_until(another, BUSY_SECONDS, "four scrapes, each gathered anew")
    assert statistics.median(took) < 0.1, took


@pytest.mark.skipif(shutil.which("prometheus") is None, reason="no prometheus here")
def test_a_real_prometheus_fed_by_the_processes_has_figures_for_every_panel_and_loads_every_rule(
    world: World, tmp_path: Path
) -> None:
    """All that a dashboard shows is made to happen here: a card taken away too soon, a page that shows, a purge."""
    with Screen(world.touchscreen) as screen:
        open_card(world, screen, "mau", remove_after_apdus=5)
        wait_until(lambda: "failed" in chip_outcomes(world), BUSY_SECONDS, "a reading that failed")
    world.remove()
    for words in (("purge",), ("doctor", "--write", str(Path(load(world.settings).paths.run) / "doctor.json"))):
        done = run_command(*words, "--config", str(world.settings), environment=world.environment)
        assert done.returncode == 0, done.stderr
    token = run_command(
        "machine", "enrol", "prometheus", "--scope", "metrics", "--token", "--config", str(world.settings)
    )
    with prometheus(tmp_path, world, token.stdout.strip()) as ask:
        wait_until(lambda: ask("count_over_time(up[5m]) >= 3"), BUSY_SECONDS, "three scrapes")
        assert ask("up")[0]["value"][1] == "1"
        silent = {one["expr"] for one in targets() if not ask(one["expr"].replace("$site", ".*"))}
        assert silent == {'max(tiepdon_screen_heartbeat_age_seconds{instance=~"$site"})'}  # nobody has a browser open
        on_own_touchscreen(world)
        wait_until(lambda: ask("tiepdon_screen_heartbeat_age_seconds"), BUSY_SECONDS, "the page shows")
        for expression in (one or other for one, other in EXPRESSIONS):
            ask(" ".join(expression.split()))
        rules = ask.rules()
        assert sorted(rule["name"] for rule in rules) == sorted(ALERTS)
        wait_until(lambda: all(rule["health"] == "ok" for rule in ask.rules()), BUSY_SECONDS, "each rule was judged")


def chip_outcomes(world: World) -> str:
    """The metrics' word for readings that did not go well."""
    found = re.findall(r'^tiepdon_chip_readings_total{outcome="([^"]+)"}', scrape(world), re.M)
    return "failed" if [one for one in found if one != "read"] else ""


def on_own_touchscreen(world: World) -> None:
    """As the page says that it shows."""
    host = world.touchscreen.removeprefix("http://").rstrip("/")
    with closing(http.client.HTTPConnection(host, timeout=BUSY_SECONDS)) as connection:
        connection.request("GET", "/health")
        told = json.loads(connection.getresponse().read())
        body = f"visible=1&screen=start&build={told['build']}"
        connection.request(
            "POST",
            "/touchscreen/alive",
            body,
            {"Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true"},
        )
        assert connection.getresponse().status == 204


class Asking:
    """A Prometheus' answers."""

    def __init__(self, port: int) -> None:
        self._port = port

    def _get(self, path: str) -> Any:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=BUSY_SECONDS)) as connection:
            connection.request("GET", path)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status == 200, text
            return json.loads(text)["data"]

    def __call__(self, expression: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._get(f"/api/v1/query?{urlencode({'query': expression})}")["result"]
        return found

    def rules(self) -> list[dict[str, Any]]:
        return [rule for group in self._get("/api/v1/rules")["groups"] for rule in group["rules"]]

    def is_there(self) -> bool:
        try:
            return self._get("/api/v1/status/runtimeinfo") is not None
        except (OSError, http.client.HTTPException, AssertionError):
            return False


@contextmanager
def prometheus(folder: Path, world: World, token: str) -> Iterator[Asking]:
    """Prometheus with our rules and our example of a scrape, at this world's desk, every half second."""
    (folder / "tiepdon.token").write_text(token, "ascii")
    shutil.copy(FOLDER / "alerts.yml", folder)
    text = (FOLDER / "prometheus.yml").read_text("utf-8")
    for right, here in {
        "30s": "500ms",
        "scheme: https": "scheme: http",
        "kiosk-1.example:8443": world.facts["staff"].removeprefix("http://").rstrip("/"),
    }.items():
        assert right in text
        text = text.replace(right, here)
    text = re.sub(r"    tls_config:\n.*\n", "", text).replace("global:\n", "global:\n  evaluation_interval: 1s\n")
    (folder / "prometheus.yml").write_text(text, "utf-8")
    port = free_port()
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        asking = Asking(port)
        wait_until(asking.is_there, BUSY_SECONDS, "Prometheus")
        yield asking
    finally:
        process.terminate()
        process.wait(BUSY_SECONDS)


def test_a_process_that_is_dead_or_hangs_is_a_figure_and_holds_nothing_up(world: World) -> None:
    bridge = world.pid("bridge")
    assert bridge is not None
    os.kill(bridge, signal.SIGSTOP)
    try:
        wait_until(
            lambda: fresh(world, 'tiepdon_up{process="bridge"}', 0.0), BUSY_SECONDS, "the hanging bridge is told"
        )
        began = time.monotonic()
        assert value(scrape(world), 'tiepdon_up{process="kiosk"}') == 1.0
        assert time.monotonic() - began < BUSY_SECONDS
        assert on_own_socket(world, "/health/ready")[0] == 200  # the desk goes on, and says what is missing
        assert '"bridge":"wire.timeout"' in on_own_socket(world, "/health/ready")[1]
    finally:
        os.kill(bridge, signal.SIGCONT)
    wait_until(lambda: fresh(world, 'tiepdon_up{process="bridge"}', 1.0), BUSY_SECONDS, "the bridge is back")
    os.kill(bridge, signal.SIGKILL)
    wait_until(lambda: fresh(world, 'tiepdon_up{process="bridge"}', 0.0) or world.pid("bridge") != bridge)
    wait_until(lambda: fresh(world, 'tiepdon_up{process="bridge"}', 1.0), BUSY_SECONDS, "another bridge")


def test_the_command_writes_the_same_whole_or_not_at_all(world: World, tmp_path: Path) -> None:
    file = tmp_path / "tiepdon.prom"
    done = run_command("metrics", "--config", str(world.settings), "--write", str(file))
    assert (done.returncode, done.stdout) == (0, "")
    assert value(file.read_text("utf-8"), 'tiepdon_up{process="desk"}') == 1.0
    assert [one.name for one in tmp_path.iterdir()] == ["tiepdon.prom"]
    nowhere = run_command("metrics", "--config", str(world.settings), "--write", str(tmp_path / "no" / "x.prom"))
    assert nowhere.returncode == 1
    assert "Traceback" not in nowhere.stderr


def test_the_command_answers_where_nothing_runs(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(f'[paths]\nstate = "{tmp_path}/state"\nrun = "{tmp_path}/run"\n', "utf-8")
    done = run_command("metrics", "--config", str(site))
    assert done.returncode == 0
    assert value(done.stdout, 'tiepdon_up{process="kiosk"}') == 0.0
    assert value(done.stdout, 'tiepdon_up{process="desk"}') is None  # these settings have none
