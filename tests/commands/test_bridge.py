"""`tiepdon bridge`: what a connector would send, and what is still owed, for people and for scripts."""

import json
import os
import pty
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from config.settings import load
from hisbridge import connectors, outbox
from hisbridge.connectors.contract import Known
from hisbridge.connectors.hl7v2 import render
from hisbridge.enrichment import enriched
from hisbridge.outbox import Ended, State
from tests.hisbridge.making import MOMENT, database, destination, record
from tiepdon.commands.bridge import usual
from wire.codec import to_json
from wire.database import open_database, transaction

EXAMPLES = Path(__file__).parents[2] / "config" / "examples"
COMMAND = [sys.executable, "-m", "tiepdon.main", "bridge"]


def bridge(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *map(str, arguments)], input=stdin, capture_output=True)


def config(folder: Path, *blocks: str) -> Path:
    path = folder / "tiepdon.toml"
    path.write_text(f'[paths]\nstate = "{folder}/state"\nrun = "{folder}"\n' + "".join(blocks), "utf-8")
    return path


HIS = '[[destinations]]\nname = "his"\nconnector = "hl7v2"\nhost = "127.0.0.1"\nport = 1\n'
LAB = HIS.replace('"his"', '"lab"') + 'name_style = "whole_in_family"\n'


def test_render_writes_exactly_the_bytes_that_are_sent() -> None:
    done = bridge("render", "hl7v2", stdin=to_json(record()))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == render(enriched(record()), destination())


def test_render_on_a_terminal_gives_each_segment_its_line() -> None:
    leader, follower = pty.openpty()
    try:
        done = subprocess.run([*COMMAND, "render", "hl7v2"], input=to_json(record()), stdout=follower)
        shown = os.read(leader, 65536)
    finally:
        os.close(leader)
        os.close(follower)
    assert done.returncode == 0
    assert [line[:3] for line in shown.splitlines()] == [b"MSH", b"EVN", b"PID", b"PD1", b"PV1", b"IN1"]


def test_render_as_json_carries_the_same_text() -> None:
    done = bridge("render", "hl7v2", "--json", stdin=to_json(record()))
    told = json.loads(done.stdout)
    assert set(told) == {"connector", "content_type", "body"}
    assert told["connector"] == "hl7v2"
    assert told["body"].encode() == render(enriched(record()), destination())


@pytest.mark.parametrize("connector", sorted(connectors.CONNECTORS))
def test_render_needs_no_settings_to_show_any_connectors_message(connector: str) -> None:
    done = bridge("render", connector, "--json", stdin=to_json(record()))
    assert (done.returncode, done.stderr) == (0, b"")
    told, made = json.loads(done.stdout), connectors.make(usual(connector))
    assert (told["connector"], told["content_type"]) == (connector, made.content_type)
    # The names within a FHIR bundle are new each time; nothing else is.
    assert len(told["body"].encode()) == len(made.render(enriched(record()), Known()) or b"")
    assert told["body"].startswith("MSH|") == (connector == "hl7v2")


def test_render_uses_the_destination_asked_for(tmp_path: Path) -> None:
    file = config(tmp_path, HIS, LAB)
    first = bridge("render", "hl7v2", "--config", file, stdin=to_json(record()))
    lab = bridge("render", "hl7v2", "--config", file, "--destination", "lab", stdin=to_json(record()))
    assert first.stdout == render(enriched(record()), destination())
    assert lab.stdout == render(enriched(record()), destination(name="lab", name_style="whole_in_family"))
    unknown = bridge("render", "hl7v2", "--config", file, "--destination", "nowhere", stdin=to_json(record()))
    assert unknown.returncode == 2
    assert b"config.unknown_destination" in unknown.stderr


@pytest.mark.parametrize(
    ("stdin", "field"),
    [
        (b"", b"$"),
        (b"not json", b"$"),
        (b"\xff\xfe{}", b"$"),
        (b"[" * 100_000, b"$"),
        (b'{"site": 5}', b"$.site"),
        (to_json(record()).replace(b'"001303900017"', b'"1"'), b"$.patient.personal_id"),
    ],
)
def test_a_malformed_record_is_one_line_that_names_the_field(stdin: bytes, field: bytes) -> None:
    done = bridge("render", "hl7v2", stdin=stdin)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.count(b"\n") == 1
    assert field in done.stderr


def test_an_unknown_connector_is_refused_with_the_known_ones() -> None:
    done = bridge("render", "telex", stdin=to_json(record()))
    assert done.returncode == 2
    assert b"hl7v2" in done.stderr


def owe(folder: Path) -> None:
    with closing(open_database(database(folder))) as connection:
        for number in range(3):
            with transaction(connection):
                outbox.enqueue(connection, record(f"visit-{number}"), ("his",), MOMENT)
        outbox.settle(connection, [Ended(2, State.REJECTED, MOMENT, "delivery.rejected", "AE 101 PID^1^5")])


def test_deliveries_are_listed_without_a_running_bridge_and_without_writing(tmp_path: Path) -> None:
    file = config(tmp_path, HIS)
    owe(tmp_path)
    before = (tmp_path / "state" / "tiepdon.db").read_bytes()
    told = json.loads(bridge("deliveries", "--config", file, "--json").stdout)
    assert [one["record_id"] for one in told["deliveries"]] == ["visit-2", "visit-1", "visit-0"]
    assert told["deliveries"][1]["receipt"] == "AE 101 PID^1^5"
    rejected = bridge("deliveries", "--config", file, "--state", "rejected").stdout.decode()
    assert "visit-1" in rejected
    assert "AE 101 PID^1^5" in rejected
    assert "[delivery.rejected]" in rejected
    assert "visit-2" not in rejected
    everything = bridge("deliveries", "--config", file).stdout.decode()
    assert "Nguyễn" not in everything
    assert (tmp_path / "state" / "tiepdon.db").read_bytes() == before


def test_deliveries_work_beside_a_writer(tmp_path: Path) -> None:
    file = config(tmp_path, HIS)
    owe(tmp_path)
    with closing(open_database(tmp_path / "state" / "tiepdon.db")) as writer, transaction(writer):
        outbox.enqueue(writer, record("visit-9"), ("his",), MOMENT)
        told = json.loads(bridge("deliveries", "--config", file, "--json").stdout)
    assert len(told["deliveries"]) == 3


@pytest.mark.parametrize("prepare", ["nothing", "empty"])
def test_a_database_that_is_not_there_or_not_ours_is_one_line(tmp_path: Path, prepare: str) -> None:
    file = config(tmp_path, HIS)
    if prepare == "empty":
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / "tiepdon.db").touch()
    done = bridge("deliveries", "--config", file)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"[database." in done.stderr


@pytest.mark.parametrize("example", sorted(EXAMPLES.glob("*.toml")), ids=lambda path: path.name)
def test_every_example_file_is_good_and_renders(example: Path) -> None:
    settings = load(example)
    assert settings.destinations
    assert render(record(), settings.destinations[0]).startswith(b"MSH|")


@pytest.mark.parametrize("action", [(), ("serve",), ("render",), ("deliveries",)])
def test_every_action_has_help(action: tuple[str, ...]) -> None:
    done = bridge(*action, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith(b"usage: tiepdon bridge")
