"""`tiepdon support-bundle` after a day with trouble: what helps is in it, and nobody whom the site served."""

import base64
import json
import quopri
import time
import unicodedata
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from sandbox.people import find
from tests.hisbridge.test_secrets_in_logs import spellings
from tests.support.checkin import by_code, by_number, leave
from tests.support.screen import Screen
from tests.support.waiting import wait_until
from tests.support.world import World
from tiepdon.support import pieces
from tiepdon.support.wall import REMOVED, Wall, address_terms, bare, date_terms, name_terms

TODAY = date(2026, 11, 23)
SHOWN = ("vi-du", "eban", "thu")  # by their cards' codes
TYPED = ("001303900017", "079200900024")
PHONE = "0912345678"
NAME, NUMBER, STREET = "Nguyễn Thị Đặng Thử", "001303900017", "12 Phố Bế Văn Đàn"
KNOWN = Wall(
    [
        *name_terms(NAME),
        NUMBER,
        *date_terms("1990-03-07", TODAY),
        *address_terms(f"{STREET}, Phường Mẫu, Hà Nội"),
        PHONE,
    ]
)


@dataclass(frozen=True)
class Day:
    """A sandbox day's bundle: its members, and what must stand in none."""

    members: dict[str, bytes]
    people: dict[str, str]
    told: dict[str, object]


def ways(text: str) -> set[bytes]:
    """However somebody may be written."""
    plain = "".join(one for one in unicodedata.normalize("NFD", text) if not unicodedata.combining(one))
    plain = plain.replace("đ", "d").replace("Đ", "D")
    texts = {text, plain, text.upper(), plain.upper(), plain.lower(), plain.replace(" ", "_"), plain.replace(" ", "")}
    packed = {base64.b64encode(one.encode()) for one in texts} | {one.encode().hex().encode() for one in texts}
    wide = {one.encode(encoding) for one in texts for encoding in ("utf-16-le", "utf-16-be")}
    every = set().union(*(spellings(one) for one in texts)) | packed | wide
    return {one for one in every if len(one) > 3}  # three letters stand in any file's name by chance


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Day]:
    folder = tmp_path_factory.mktemp("bundle")
    world = World(folder / "state", "--no-pcscd")
    try:
        with Screen(world.touchscreen) as screen:
            for person in SHOWN:
                by_code(world, screen, person)
                leave(screen)
            world.fault("his.ae")
            for number in TYPED:
                by_number(screen, number)
                leave(screen)
            wait_until(lambda: world.deliveries("--state", "rejected"), 10, "refused")
            world.fault("his.ae", None)
        people: dict[str, str] = {}
        for who in map(find, SHOWN):
            people |= {f"{who.key} name": who.full_name, f"{who.key} number": who.personal_id}
            people |= {
                f"{who.key} street": who.residence.partition(",")[0],
                f"{who.key} home": who.residence,
            }
            year, month, born = who.birth_date.split("-")
            people |= {f"{who.key} born {way}": way for way in (f"{born}/{month}/{year}", f"{year}{month}{born}")}
            if who.insurance.card_number:
                people[f"{who.key} card"] = who.insurance.card_number
        people |= {number: number for number in TYPED}
        log = folder / "log"
        # A line that should never have been written, beside all that were: what the second wall is for.
        log.write_bytes(world.log.read_bytes() + "\n".join(slips(find("vi-du").full_name)).encode() + b"\nlast word\n")
        file = folder / "bundle.zip"
        done = world.run_command(
            "support-bundle", str(file), "--config", str(world.settings), "--log", str(log), "--json"
        )
        assert done.returncode == 0, done.stderr
        assert file.stat().st_mode & 0o777 == 0o600
        with zipfile.ZipFile(file) as archive:
            members = {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}
        yield Day(members, people, json.loads(done.stdout))
    finally:
        world.stop()


def slips(name: str) -> list[str]:
    """One line each, with a name as some careless program may write it."""
    return [
        f"arrived: {name}",
        f"name={quote(name)}",
        f"name={quote_plus(name)}",
        json.dumps({"name": name}),
        repr(name.encode()),
        f"Authorization: Basic {base64.b64encode(name.encode()).decode()}",
        f"packed {base64.b64encode(name.encode('utf-16-le')).decode()} end",
        f"bytes {name.encode().hex()}",
        "PID|1||x||" + "^".join(name.upper().split()),
        "_".join(bare(word) for word in name.split()),
        unicodedata.normalize("NFD", name).upper(),
    ]


def test_no_byte_of_it_tells_of_anybody_who_was_served(day: Day) -> None:
    for member, content in day.members.items():
        for who, text in day.people.items():
            assert not [way for way in ways(text) if way in content], (member, who)


def test_what_helps_is_in_it(day: Day) -> None:
    assert set(day.members) == {
        *("README.txt", "database.json", "doctor.json", "files.txt", "log.txt", "machine.txt", "outbox.json"),
        *("settings.json", "units.txt", "versions.json"),
    }
    doctor = json.loads(day.members["doctor.json"])
    assert {finding["code"] for finding in doctor["findings"]} >= {"delivery.rejected"}
    database = json.loads(day.members["database.json"])
    assert database["rows"]["visits"] == len(SHOWN) + len(TYPED)
    assert "kiosk-0001-check-in" in database["migrations"]
    ended = json.loads(day.members["outbox.json"])["ended"]
    assert {"rejected", "acknowledged"} <= {row["state"] for row in ended}
    assert b"last word" in day.members["log.txt"]
    assert day.members["log.txt"].count(b"\n") > 20
    assert json.loads(day.members["versions.json"])["python_packages"]["Flask"]


def test_it_holds_no_secret_and_no_officer(day: Day) -> None:
    settings = json.loads(day.members["settings.json"])
    assert settings["portal"]["officer_name"] == settings["portal"]["username"] == "********"
    whole = b"".join(day.members.values())
    assert b"BEGIN PRIVATE KEY" not in whole


def test_it_says_how_much_was_left_out(day: Day) -> None:
    left_out = day.told["lines_left_out"]
    assert isinstance(left_out, int)
    assert left_out >= len(slips("x y z"))
    assert f"{left_out} lines".encode() in day.members["README.txt"]


@pytest.mark.parametrize("line", slips(NAME))
def test_a_line_with_a_name_however_written_does_not_pass(line: str) -> None:
    assert KNOWN.passed(line) == REMOVED


@pytest.mark.parametrize(
    "line",
    [
        f"called {NUMBER}",
        "called 001 303 900 017",
        "born 07/03/1990",
        "born 1990-03-07",
        "<DOB>19900307</DOB>",
        "12 pho be van dan",
        f"tel:{PHONE}",
        "Đặng Thử came",
        "THU NGUYEN THI DANG",
        "Nguyễn Thử",
        NAME.encode("utf-16-le").decode("latin-1"),
        NAME.encode("utf-8").decode("latin-1"),
        "a\x00b",
        "x" * 30_000,
    ],
)
def test_numbers_dates_streets_and_halves_of_names_do_not_pass(line: str) -> None:
    assert KNOWN.passed(line) == REMOVED


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("somebody 079200900024 nobody knows", "somebody ######### nobody knows"),
        ("phone 0987.654.321", "phone #########"),
        ("2026-11-23 06:15:50,123 ready", "2026-11-23 06:15:50,123 ready"),
        ("2026-11-23T06:15:50 listens on 192.168.100.200:2575", "2026-11-23T06:15:50 listens on 192.168.100.200:2575"),
        ("number 079.090.001.234", "number #########"),
        ("ended with 1; 12 waiting, 5000 done", "ended with 1; 12 waiting, 5000 done"),
        ("code delivery.unreachable at destination his", "code delivery.unreachable at destination his"),
    ],
)
def test_what_helps_passes_and_unknown_numbers_are_masked(line: str, told: str) -> None:
    assert KNOWN.passed(line) == told


@pytest.mark.parametrize(
    "line",
    [
        f"GET /q/{base64.urlsafe_b64encode(NAME.encode()).decode()}",
        f"file-{base64.b64encode(NAME.encode()).decode().rstrip('=')}",
        base64.b64encode(quote(NAME).encode()).decode(),
        quote(base64.b64encode(NAME.encode()).decode(), safe=""),
        base64.b64encode(json.dumps({"name": NAME}).encode()).decode(),
        json.dumps({"body": json.dumps({"name": NAME})}),
        quopri.encodestring(NAME.encode()).decode(),
        f"0x{NAME.encode().hex()}",
        f"id=a{NAME.encode().hex()}",
        " ".join(f"{byte:02x}" for byte in NAME.encode()),
        "".join(f"&#{ord(letter)};" for letter in NAME),
        "Ng.u.y.ễ.n T.h.ị Đ.ặ.n.g T.h.ử",
        "born 7/3/1990",
        f"https://user:{quote(NAME)}@host/",
    ],
)
def test_what_is_packed_twice_or_behind_something_does_not_pass_either(line: str) -> None:
    assert KNOWN.passed(line) == REMOVED


SHORT = Wall(name_terms("Lê An"))


@pytest.mark.parametrize(
    "line",
    [
        "Lê An came",
        "name=LE_AN;",
        "an, le",
        quote("Lê An"),
        base64.b64encode(b"LE AN").decode(),
        b"LE AN".hex(),
        unicodedata.normalize("NFD", "Lê An"),
    ],
)
def test_a_name_of_a_few_letters_does_not_pass_as_words(line: str) -> None:
    assert SHORT.passed(line) == REMOVED


@pytest.mark.parametrize("line", ["a whole answer", "le", "mobile antenna", "delan"])
def test_a_short_name_takes_no_line_in_which_its_letters_only_happen_to_stand(line: str) -> None:
    assert SHORT.passed(line) == line


def test_files_and_addresses_somebody_else_named_tell_nobody(tmp_path: Path) -> None:
    (tmp_path / "Trần Thị Lạ.pdf").touch()
    (tmp_path / "CV NGUYEN VAN X").mkdir()
    (tmp_path / "CV NGUYEN VAN X" / "tiepdon.db").touch()
    (tmp_path / "tiepdon.db").touch()
    told = pieces.files({"state": tmp_path})
    assert told.splitlines()[-1].endswith(" tiepdon.db")
    assert "NGUYEN" not in told
    assert "Lạ" not in told


def test_a_log_of_a_busy_week_passes_the_wall_in_time() -> None:
    """On a Pi it takes some ten times as long; who waits for a bundle waits for the doctor besides."""
    wall = Wall(term for number in range(3000) for term in name_terms(f"Nguyễn Thị Thử {number:04d}x"))
    line = (
        "2026-11-23T06:15:50.123Z INFO hisbridge.delivery: [3f9c2a7d51e0b846] delivery.unreachable at destination his-1"
    )
    began = time.process_time()
    assert REMOVED not in wall.passed("\n".join([line] * 5000))
    assert time.process_time() - began < 10


def test_a_day_as_recent_as_the_log_itself_is_no_term() -> None:
    assert list(date_terms("2026-11-20", TODAY)) == []
    assert list(date_terms("1990", TODAY)) == []


def test_without_the_database_the_log_stays_at_home(tmp_path: Path) -> None:
    from tests.support.world import run_command

    file, log = tmp_path / "bundle.zip", tmp_path / "log"
    log.write_text("somebody was here\n", "utf-8")
    broken = tmp_path / "tiepdon.toml"
    broken.write_text("rubbish", "utf-8")
    done = run_command("support-bundle", str(file), "--config", str(broken), "--log", str(log))
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(file) as archive:
        assert b"somebody" not in archive.read("tiepdon-support/log.txt")
        assert b"config.syntax" in archive.read("tiepdon-support/doctor.json")


def test_where_it_cannot_be_written_it_says_so(tmp_path: Path) -> None:
    from tests.support.world import run_command

    done = run_command("support-bundle", str(tmp_path / "nowhere" / "x.zip"), "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "support.unwritable"
