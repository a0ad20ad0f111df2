"""The message desk on the command line: the same through a running bridge and without one."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from config.settings import load
from hisbridge import audit, outbox, outbox_desk
from hisbridge.outbox import Ended, State
from hisbridge.service import running
from tests.hisbridge.making import MOMENT, database, listed, patient, record
from ui.words import Words
from wire.database import open_database, transaction

COMMAND = [sys.executable, "-m", "tiepdon.main", "bridge"]
PERSON = "001303900017"


class Bench:
    def __init__(self, folder: Path) -> None:
        self.file = folder / "tiepdon.toml"
        self.file.write_text(
            f'[paths]\nstate = "{folder}/state"\nrun = "{folder}"\n'
            '[[destinations]]\nname = "his"\nconnector = "hl7v2"\nhost = "127.0.0.1"\nport = 1\n',
            "utf-8",
        )
        self.db = open_database(database(folder))
        outbox_desk.pause(self.db, "his", MOMENT)

    def owe(self, *visits: str) -> None:
        for number, visit in enumerate(visits):
            made = record(visit, patient=patient(personal_id=PERSON if number == 0 else f"{number:012}"))
            with transaction(self.db):
                outbox.enqueue(self.db, made, ("his",), MOMENT)

    def end(self, number: int, state: State) -> None:
        self.db.execute("UPDATE deliveries SET state = 'sending' WHERE id = ?", (number,))
        outbox.settle(self.db, [Ended(number, state, MOMENT, "delivery.rejected", "AE 101")])

    def run(self, action: str, *arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        command = [*COMMAND, action, *arguments, "--config", str(self.file)]
        options.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.run(command, capture_output=True, **options)

    def told(self, action: str, *arguments: str) -> Any:
        done = self.run(action, *arguments, "--json")
        assert done.stderr == b""
        return json.loads(done.stdout)

    def states(self) -> list[State]:
        return [one.state for one in reversed(listed(self.db))]


@contextmanager
def without_bridge(folder: Path) -> Iterator[Bench]:
    bench = Bench(folder)
    with closing(bench.db):
        yield bench


@contextmanager
def with_bridge(folder: Path) -> Iterator[Bench]:
    with without_bridge(folder) as bench, running(load(bench.file)):
        yield bench


@pytest.fixture(params=[without_bridge, with_bridge], ids=["without a bridge", "through the bridge"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    with request.param(tmp_path) as made:
        yield made


def test_the_desk_lists_acts_and_writes_down_who_did(bench: Bench) -> None:
    bench.owe("v1", "v2", "v3")
    assert bench.told("hold", "--personal-id", PERSON, "--by", "Kỹ") == {"changed": 1}
    assert bench.told("release", "1", "2", "--by", "Kỹ") == {"changed": 1}
    bench.end(2, State.REJECTED)
    bench.end(3, State.ACKNOWLEDGED)
    rejected = bench.told("deliveries", "--state", "rejected", "--state", "dead", "--since", "2026-11-21T07:45")
    assert [one["record_id"] for one in rejected["deliveries"]] == ["v2"]
    assert bench.told("deliveries", "--until", "2026-11-21")["deliveries"] == []
    assert bench.told("cancel", "--state", "rejected") == {"changed": 1}
    assert bench.told("replay", "--since", "2026-11-21") == {"changed": 1}
    assert bench.states() == [State.QUEUED, State.CANCELLED, State.QUEUED]
    assert [entry.act for entry in audit.entries(bench.db)] == ["replay", "cancel", "release", "hold"]
    assert audit.entries(bench.db)[-1].who == "Kỹ"


def test_a_message_is_shown_masked_and_whole_only_on_the_record(bench: Bench) -> None:
    bench.owe("v1")
    masked = bench.run("message", "1").stdout.decode()
    assert masked.startswith("MSH|")
    assert PERSON not in masked
    assert audit.entries(bench.db) == []
    assert PERSON in bench.run("message", "1", "--whole", "--by", "Kỹ").stdout.decode()
    assert [(entry.who, entry.act) for entry in audit.entries(bench.db)] == [("Kỹ", "message.whole")]


def test_the_audit_tells_who_asked_to_see_what_and_names_no_person(bench: Bench) -> None:
    bench.owe("v1", "v2")
    assert bench.run("audit", "--language", "en").stdout == b"Nothing is written down for this time\n"
    bench.run("message", "1", "--whole", "--by", "Kỹ")
    bench.run("hold", "--personal-id", PERSON, "--by", "Lan")
    told = bench.told("audit")["entries"]
    assert [(one["who"], one["act"], one["delivery_id"], one["changed"]) for one in told] == [
        ("Lan", "hold", None, 1),
        ("Kỹ", "message.whole", 1, None),
    ]
    shown = bench.run("audit", "--language", "vi").stdout.decode()
    assert shown.index("Lan") < shown.index("Kỹ")
    assert f"{Words('vi').get('technician.audit.act.message.whole')} · Lần chuyển 1 · his" in shown
    assert PERSON not in shown + json.dumps(told)
    assert len(bench.told("audit", "--limit", "1")["entries"]) == 1
    assert bench.told("audit", "--since", "2100-01-01")["entries"] == []
    assert len(bench.told("audit", "--since", told[1]["at"])["entries"]) == 2


def test_the_list_fits_eighty_columns_and_says_why_in_words(bench: Bench) -> None:
    bench.owe("v1", "v2", "v3")
    bench.end(1, State.ACKNOWLEDGED)
    bench.end(2, State.REJECTED)
    shown = bench.run("deliveries", "--language", "vi").stdout.decode()
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "2026-11-21 07:45:00" in shown  # the site's time
    (state, told), words = (shown.split("     2  ")[1].split("     1  ")), Words("vi").error("delivery.rejected")
    assert Words("vi").get("technician.state.rejected") in state
    assert f"{words.cause}. {words.cure}. [delivery.rejected]" in " ".join(state.split())
    assert "delivery.rejected" not in told  # what has arrived needs no reason
    assert bench.run("deliveries", "--state", "dead", "--language", "en").stdout == b"No delivery fits\n"


def test_a_slip_in_a_destinations_name_is_no_empty_outbox(bench: Bench) -> None:
    bench.owe("v1")
    for action in ("deliveries", "hold", "retry"):
        done = bench.run(action, "--destination", "hsi")
        assert (done.returncode, done.stdout) == (2, b"")
        assert b"[config.unknown_destination name=hsi known=his]" in done.stderr
    assert bench.states() == [State.QUEUED]


def test_switches_and_probes_are_said_in_words(bench: Bench) -> None:
    assert bench.run("resume", "his", "--language", "en").stdout == b"his: sending goes on\n"
    assert "đã tạm dừng" in bench.run("pause", "his", "--why", "bảo trì", "--language", "vi").stdout.decode()
    assert outbox_desk.pauses(bench.db)["his"].why == "bảo trì"
    probed = bench.run("probe", "--language", "en")
    assert probed.returncode == 1
    assert b"No connection to the receiving system" in probed.stdout
    assert b"[delivery.unreachable]" in probed.stdout
    assert bench.told("probe", "his") == {"destinations": {"his": {"ok": False, "code": "delivery.unreachable"}}}
    unknown = bench.run("pause", "nowhere")
    assert (unknown.returncode, unknown.stderr.count(b"\n")) == (2, 1)
    assert b"config.unknown_destination" in unknown.stderr


def test_an_act_without_a_selection_is_one_line_and_does_nothing(bench: Bench) -> None:
    bench.owe("v1")
    done = bench.run("hold")
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"[desk.nothing_chosen]" in done.stderr
    assert bench.states() == [State.QUEUED]


def test_on_a_terminal_an_act_is_counted_until_yes_is_said(tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    try:
        with without_bridge(tmp_path) as bench:
            bench.owe("v1", "v2")
            for number in (1, 2):
                bench.end(number, State.ACKNOWLEDGED)
            asked = bench.run("replay", "--since", "2026-11-21", "--language", "en", stdin=follower)
            assert asked.returncode == 1
            assert b"once more: 2\n" in asked.stdout
            assert b"--yes" in asked.stdout
            assert bench.states() == [State.ACKNOWLEDGED] * 2
            done = bench.run("replay", "--since", "2026-11-21", "--yes", stdin=follower)
            assert done.returncode == 0
            assert bench.states() == [State.QUEUED] * 2
    finally:
        os.close(leader)
        os.close(follower)


def test_a_number_that_is_not_there_is_one_line(bench: Bench) -> None:
    done = bench.run("message", "77")
    assert done.returncode == 1
    assert b"[delivery.unknown]" in done.stderr


@pytest.mark.parametrize(
    "action",
    ["audit", "deliveries", "retry", "replay", "hold", "release", "cancel", "pause", "resume", "probe", "message"],
)
def test_every_action_of_the_desk_has_help(action: str) -> None:
    done = subprocess.run([*COMMAND, action, "--help"], capture_output=True)
    assert done.returncode == 0
    assert done.stdout.startswith(b"usage: tiepdon bridge")
