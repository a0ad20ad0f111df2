"""Processes are killed and lines are cut while people check in: every record arrives, once by identity, in order.

Real processes of the product (bridge, kiosk with its worker), desks on the product's own store, receivers that others
wrote, each in a process of its own, and a proxy of the run between the bridge and the HL7 receiver. A resend is judged
by its identity: the receiver knows it and does it once; its effect is that of its first appearance.
"""

import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.table import Cell, Table
from faults import desk
from faults.judging import Owed, Verdict, all_owed, judged
from faults.outcome import Outcome, Size, failures_of
from faults.proxy import AFTER, Cut, CuttingProxy, cutting, plan
from faults.receiver import Reading
from faults.script import Kind
from faults.site import ROOT, make_database, site_file, started
from faults.touching import Crowd, crowd_at
from faults.victims import Victim, spread
from wire import sqlite

DESKS = ("desk-1", "desk-2")
SHARES = {"bridge": 0.45, "kiosk": 0.15, "kiosk worker": 0.1, "desks": 0.15}  # of the kills; each desk its own
WAITING = 400  # deliveries; the desks put nothing in while more wait
LOOK_SECONDS = 0.004
SAY_SECONDS = 5.0
STANDSTILL_SECONDS = 120.0  # nothing arrives and nothing is put in: the run has failed
_STILL_OWED = "SELECT 1 FROM deliveries WHERE state <> 'acknowledged' LIMIT 1"
SECRET = "whsec_" + b64encode(b"a fault run's own, no secret").decode()
SETTINGS = """
[bridge]
poll_seconds = 0.05
retry_first_seconds = 0.02
retry_max_seconds = 0.2

[kiosk]
listen = "{listen}"
ticket_seconds = 5

[[destinations]]
name = "his"
connector = "hl7v2"
host = "127.0.0.1"
port = {proxy}
timeout_seconds = 5

[[destinations]]
name = "hook"
connector = "webhook"
base_url = "http://127.0.0.1:{hook}/records"
secret_file = "{secret}"
timeout_seconds = 5
"""


@dataclass
class Scene:
    """Everything that runs."""

    config: Path
    database: Path
    victims: dict[str, Victim]
    readings: dict[str, Reading]
    proxy: CuttingProxy
    crowd: Crowd
    notes: list[Path]


def run(size: Size) -> Outcome:
    """Put in the records, kill and cut meanwhile, and compare what arrived with what was acknowledged."""
    chance = random.Random(size.seed)  # noqa: S311  # moments, not secrets
    # Where the code is, not in memory: there a durable write costs nothing, and every race is another one.
    with tempfile.TemporaryDirectory(dir=ROOT, prefix=".faults-") as named, _scene(Path(named), size, chance) as scene:
        begun = time.monotonic()
        _drive(scene, size, chance)
        seconds = time.monotonic() - begun
        return _outcome(scene, size, seconds)


@contextmanager
def _scene(folder: Path, size: Size, chance: random.Random) -> Iterator[Scene]:
    secret = folder / "secret"
    secret.write_text(SECRET, "utf-8")
    secret.chmod(0o600)
    log = folder / "log"
    with ExitStack() as held:
        readings, ports = {}, {}
        for name, kind, more in (("his", "hl7", ()), ("hook", "hook", (str(secret),))):
            journal = folder / f"{name}.journal"
            ports[name] = held.enter_context(_receiver(kind, journal, log, *more))
            readings[name] = Reading(journal)
        cuts = plan(size.cuts, size.records * 95 // 100, chance, size.frozen)
        proxy = held.enter_context(cutting(ports["his"], cuts, chance))
        listen = f"127.0.0.1:{_free_port()}"
        text = SETTINGS.format(listen=listen, proxy=proxy.port, hook=ports["hook"], secret=secret)
        config = site_file(folder / "site.toml", folder / "state", folder / "run", text)
        (folder / "run").mkdir()
        database = make_database(config)
        victims, notes = _victims(folder, config, size, readings["his"], chance)
        for victim in victims.values():
            held.callback(victim.end)
            if not victim.inner:
                victim.keep_alive()
        victims["kiosk worker"].process = victims["kiosk"].process
        crowd = held.enter_context(crowd_at(listen))
        yield Scene(config, database, victims, readings, proxy, crowd, notes)


@contextmanager
def _receiver(kind: str, journal: Path, log: Path, *more: str) -> Iterator[int]:
    with started("faults.receiver", kind, str(journal), *more, log=log, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


def _victims(
    folder: Path, config: Path, size: Size, his: Reading, chance: random.Random
) -> tuple[dict[str, Victim], list[Path]]:
    """The bridge and the kiosk, whose moments are what has arrived, and the desks, whose are their own steps."""
    notes = [folder / f"{name}.notes" for name in DESKS]
    product = ("-m", "tiepdon.main")[1:]
    log = folder / "log"

    def arrived() -> int:
        return his.distinct

    victims = {
        "bridge": Victim("bridge", (*product, "bridge", "serve", "--config", str(config)), log, arrived),
        "kiosk": Victim("kiosk", (*product, "kiosk", "--config", str(config)), log, arrived),
        "kiosk worker": Victim("kiosk worker", (), log, arrived, inner=True),
    }
    share = -(-size.records // len(DESKS))
    for name, file in zip(DESKS, notes, strict=True):
        count = min(share, size.records - share * DESKS.index(name))
        words = ("faults.desk", str(config), name, str(size.seed), str(count), str(file), "--waiting", str(WAITING))
        victims[name] = Victim(name, words, log, Lines(file).count, ends=True)
    shared = [(victims[name], SHARES[name], size.records) for name in ("bridge", "kiosk", "kiosk worker")]
    spread([*shared, *[(victims[name], SHARES["desks"], share) for name in DESKS]], size.kills, chance)
    return victims, notes


class Lines:
    """How many lines a growing file has."""

    def __init__(self, file: Path) -> None:
        self._file, self._at, self._count = file, 0, 0

    def count(self) -> int:
        """So far."""
        if self._file.exists():
            with self._file.open("rb") as held:
                held.seek(self._at)
                new = held.read()
            self._at, self._count = self._at + len(new), self._count + new.count(b"\n")
        return self._count


def _drive(scene: Scene, size: Size, chance: random.Random) -> None:
    """Kill what is due and start again what died, until everything put in has arrived and every kill was made."""
    pause, said, moved = threading.Event(), time.monotonic(), time.monotonic()
    before: tuple[int, ...] = ()
    while not _finished(scene, size):
        for victim in scene.victims.values():
            victim.kill_when_due(chance)
            if not victim.inner:
                victim.keep_alive()
        scene.victims["kiosk worker"].process = scene.victims["kiosk"].process
        now, counts = time.monotonic(), tuple(reading.renew() for reading in scene.readings.values())
        if counts != before:
            before, moved = counts, now
        if now - moved > STANDSTILL_SECONDS:
            raise RuntimeError(f"nothing moves any more: {counts} arrived; {_left(scene)}")
        if now - said > SAY_SECONDS:
            said = now
            kills = sum(victim.kills for victim in scene.victims.values())
            sys.stderr.write(f"  arrived {counts}, {kills} kills, {scene.proxy.cuts.total()} cuts\n")
        pause.wait(LOOK_SECONDS)


def _finished(scene: Scene, size: Size) -> bool:
    if not all(scene.victims[name].done for name in DESKS):
        return False
    # Nobody new comes to the touchscreen; what is owed runs out.
    scene.crowd.stop.set()
    if any(reading.distinct < size.records for reading in scene.readings.values()):
        return False
    # Kills that are left fall on a bridge at rest.
    left = sum(len(victim.moments) for victim in scene.victims.values())
    for victim in scene.victims.values():
        victim.moments = []
    scene.victims["bridge"].moments = [0] * left
    if left:
        return False
    with closing(_looking(scene)) as connection:
        return connection.execute(_STILL_OWED).fetchone() is None


def _left(scene: Scene) -> list[tuple[str, str, int]]:
    with closing(_looking(scene)) as connection:
        return connection.execute(
            "SELECT destination, state || ' ' || ifnull(last_error, ''), count(*) FROM deliveries GROUP BY 1, 2"
        ).fetchall()


def _looking(scene: Scene) -> sqlite.Connection:
    return sqlite.connect(f"{scene.database.as_uri()}?mode=ro", uri=True, timeout=30)


def _outcome(scene: Scene, size: Size, seconds: float) -> Outcome:
    for victim in scene.victims.values():
        victim.end()
    for reading in scene.readings.values():
        reading.renew()
    with closing(_looking(scene)) as connection:
        owed = {name: all_owed(connection, name) for name in scene.readings}
        tickets = dict(connection.execute("SELECT number, visit_id FROM tickets").fetchall())
        integrity = connection.execute("PRAGMA integrity_check").fetchall()
        ((made,),) = connection.execute("SELECT count(*) FROM visits WHERE presentation LIKE 'desk-%'").fetchall()
    told = [note for file in scene.notes for note in desk.notes(file)]
    verdicts = {name: judged(owed[name], scene.readings[name].arrivals) for name in scene.readings}
    held = {(one.visit_id, one.revision) for one in owed["his"]}
    shown = {visit for number, visit in tickets.items() if number in scene.crowd.shown}
    claims = {
        "acknowledged steps of the desks that are not owed": sum((n.visit_id, n.revision) not in held for n in told),
        "steps of the script that were not acknowledged": size.records - len(told),
        "tickets shown without a visit that is owed": len(scene.crowd.shown) - sum((v, 0) in held for v in shown),
        "records owed to one destination alone": len({o.key for o in owed["his"]}) - len(owed["his"])
        or abs(len(owed["his"]) - len(owed["hook"])),
        "check-ins of the desks made twice": made - sum(note.kind is Kind.ARRIVED for note in told),
        "database damaged": int(integrity != [("ok",)]),
        "kills that were not made": size.kills - sum(victim.kills for victim in scene.victims.values()),
        "cuts that were not made": size.cuts + size.frozen - scene.proxy.cuts.total(),
    }
    for name, verdict in verdicts.items():
        claims |= {
            f"{name}: lost": verdict.lost,
            f"{name}: duplicated": verdict.duplicated,
            f"{name}: resends that differ": verdict.changed,
            f"{name}: out of order": verdict.disordered,
            f"{name}: older after newer": verdict.older,
        }
    return Outcome(_tables(scene, size, verdicts, owed, told, seconds), failures_of(claims))


def _tables(
    scene: Scene,
    size: Size,
    verdicts: dict[str, Verdict],
    owed: dict[str, list[Owed]],
    told: Sequence[desk.Note],
    seconds: float,
) -> tuple[Table, ...]:
    names = {"his": "HL7 v2 over MLLP, python-hl7's server, behind the proxy", "hook": "signed webhook, straight"}
    rows: list[tuple[Cell, ...]] = []
    for name, v in verdicts.items():
        counts = (v.lost, v.duplicated, v.resent, v.changed, v.disordered, v.older)
        rows.append((names[name], len(owed[name]), v.distinct, *counts))
    columns = ("receiver", "owed", "identities", "lost", "duplicated", "resent", "changed", "disordered", "older")
    kinds = {kind: sum(note.kind is kind for note in told) for kind in Kind}
    persons = len({one.person for one in owed["his"]})
    by_touch = len(owed["his"]) - len(told)
    notes = (
        f"put in by two desks on kiosk.store: {len(told)} ({', '.join(f'{n} {kind}' for kind, n in kinds.items())}); "
        f"at the touchscreen: {by_touch} ({len(scene.crowd.shown)} tickets seen); {persons} persons",
        f"{seconds:.0f} s, {len(owed['his']) / seconds:.0f} records/s, each to both receivers; seed {size.seed}",
        "identities: distinct MSH-10 or webhook-id; resent: the same identity again, done once by the receiver",
        "disordered: first appearances against the order put in, by person; older: any message, resends too, behind a",
        "newer one of its person; changed: a resend whose bytes differ",
    )
    arrived = Table(
        "Killed and cut while 20,000 records go in".replace("20,000", f"{size.records:,}"), columns, tuple(rows), notes
    )
    killed = [(name, victim.kills, victim.starts or None) for name, victim in scene.victims.items()]
    killed.append(("all", sum(victim.kills for victim in scene.victims.values()), None))
    cuts = scene.proxy.cuts
    cut: list[tuple[Cell, ...]] = [(kind, cuts[kind]) for kind in Cut]
    cut.append(("between message and acknowledgement (the two of them)", sum(cuts[kind] for kind in AFTER)))
    cut.append(("all", cuts.total()))
    return (
        arrived,
        Table("kill -9", ("process", "kills", "starts"), tuple(killed)),
        Table("Connections cut", ("where", "cuts"), tuple(cut), (f"{scene.proxy.messages} messages passed the proxy",)),
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
