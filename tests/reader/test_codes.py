"""Codes and printed lines in the reader process: what is said of them, once while held, and which devices see them."""

import pytest

from reader.search import NOT_FOUND
from sandbox.card import mrz
from sandbox.people import Person, find, qr_text
from tests.reader.bench import Running, Source
from wire.errors import RemoteError

INSURANCE = "0199900017|5472e1baa76e205468e1bb8b204de1baab75|14/02/2003|2|-|01 - 028|01/01/2025|-|02/01/2025|$"
PASSPORT = (  # the specimen of Doc 9303-4, Appendix A
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
)


def lines_of(person: Person) -> tuple[str, ...]:
    zone = mrz.zone(person.personal_id, person.full_name, person.birth_date, person.sex, person.expiry_date)
    return tuple(zone.lines)


# What it means.


def test_a_citizen_card_held_to_the_scanner_is_a_reading(running):
    running.scanner.on_text(qr_text(find("mau")))
    reading = running.next("payload")["reading"]
    assert reading["holder"]["personal_id"] == "001303900017"
    assert reading["evidence"]["source"] == "card_qr"
    assert reading["evidence"]["checks"] is None


def test_a_bare_number_is_as_good_as_typed(running):
    running.scanner.on_text("001303900017")
    reading = running.next("payload")["reading"]
    assert reading["evidence"]["source"] == "typed"
    assert reading["holder"]["full_name"] is None


def test_an_insurance_card_is_told_whole_and_names_no_number_of_the_state(running):
    running.scanner.on_text(INSURANCE)
    reading = running.next("payload")["reading"]
    assert reading["evidence"]["source"] == "insurance_qr"
    assert reading["insurance"]["card_number"] == "0199900017"
    assert (reading["holder"]["personal_id"], reading["holder"]["full_name"]) == (None, "Trần Thị Mẫu")
    assert reading["holder"]["birth_date"] == "2003-02-14"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("https://example.invalid/", "payload.unrecognised"),
        ("001303900017|||31022003|Nữ|x|20052021", "payload.name"),
    ],
)
def test_what_identifies_nobody_is_refused_with_its_reason(running, text, code):
    running.scanner.on_text(text)
    assert running.next("payload_refused") == {"code": code}


# Once while held.


def test_a_code_held_still_counts_once(running):
    for _ in range(5):
        running.scanner.on_text("held")
        running.clock.ahead += 2.0
    running.scanner.on_text("another")
    running.clock.ahead += 3.5
    running.scanner.on_text("held")
    running.scanner.on_text("last")
    seen = [running.next("payload_refused") for _ in range(4)]
    assert len(seen) == 4
    assert running.events.empty()


def test_a_code_that_lies_there_is_told_again_where_one_is_asked_for(start):
    asked = []
    running = start(Source(), Source("camera", again=lambda: asked.append("camera")))
    running.scanner.on_text("held")
    running.scanner.on_text("held")
    running.client.post("/v1/codes/again", {}, dict)
    running.scanner.on_text("held")
    running.scanner.on_text("held")
    running.scanner.on_text("last")
    assert len([running.next("payload_refused") for _ in range(3)]) == 3
    assert running.events.empty()
    assert asked == ["camera"]


@pytest.fixture
def everything(start) -> Running:
    """A scanner, one that types, and two cameras."""
    return start(Source("scanner"), Source("keyboard", trusts_letters=False), Source("camera"), Source("second_camera"))


def test_a_code_that_several_devices_see_at_once_is_one_event(everything):
    code = qr_text(find("mau"))
    everything.sources["camera"].on_text(code)
    everything.sources["scanner"].on_text(f"]Q1{code}\r\n")
    everything.sources["second_camera"].on_text(code)
    everything.sources["keyboard"].on_text("001303900017||TRAN THI MAU|14022003|Nu|So 1|20052021")
    everything.sources["camera"].on_text("last")
    assert everything.next("payload")["reading"]["holder"]["full_name"] == "Trần Thị Mẫu"
    assert everything.events.get(timeout=10)[0] == "payload_refused"
    assert everything.events.empty()


def test_a_device_that_says_more_is_heard_after_one_that_lost_the_name(everything):
    everything.sources["keyboard"].on_text("001303900017||TRAN THI MAU|14022003|Nu|So 1|20052021")
    everything.sources["camera"].on_text(qr_text(find("mau")))
    assert everything.next("payload")["reading"]["holder"]["full_name"] is None
    assert everything.next("payload")["reading"]["holder"]["full_name"] == "Trần Thị Mẫu"


def test_the_next_persons_code_is_told_while_the_first_one_lies_there(everything):
    for _ in range(3):
        everything.sources["camera"].on_text(qr_text(find("mau")))
        everything.clock.ahead += 2.0
    everything.sources["camera"].on_text(qr_text(find("thu")))
    told = [everything.next("payload")["reading"]["holder"]["personal_id"] for _ in range(2)]
    assert told == [find("mau").personal_id, find("thu").personal_id]


# Which devices see codes.


def test_the_stream_says_which_devices_see_a_code_and_each_change(everything):
    everything.sees(scanner=True, keyboard=True, camera=True)
    everything.sources["camera"].state = "missing"
    everything.sources["scanner"].state = "missing"
    everything.sees(keyboard=True, camera=True)
    everything.sources["second_camera"].state = "missing"
    everything.sees(keyboard=True)
    everything.sources["camera"].state = "open"
    everything.sees(keyboard=True, camera=True)


def test_whoever_comes_later_is_told_at_once(everything):
    everything.sees(scanner=True, keyboard=True, camera=True)
    names = []
    for name, _ in everything.client.events("/v1/events"):
        names.append(name)
        if len(names) == 2:
            break
    assert names == ["presence", "devices"]


def test_a_keypad_sees_no_code(start):
    running = start(Source("keyboard", sees_codes=False), Source("scanner"))
    running.sees(scanner=True)


# The printed lines.


@pytest.fixture
def with_camera(start) -> Running:
    return start(Source("camera"), mrz_seconds=30.0)


def test_lines_found_are_a_reading_for_the_presentation_that_asked(with_camera):
    assert with_camera.look("p7") == {"accepted": True}
    assert with_camera.lines.seconds == 30.0
    with_camera.lines.on_read(lines_of(find("mau")))
    told = with_camera.next("payload")
    assert told["presentation"] == "p7"
    holder = told["reading"]["holder"]
    assert told["reading"]["evidence"]["source"] == "mrz"
    assert (holder["personal_id"], holder["birth_date"], holder["expiry_date"]) == (
        find("mau").personal_id,
        "2003-02-14",
        "2028-02-14",
    )
    assert told["reading"]["document"]["number"] == "303900017"


def test_a_passports_lines_are_told_without_a_personal_number(with_camera):
    with_camera.look()
    with_camera.lines.on_read(PASSPORT)
    assert with_camera.next("payload")["reading"]["holder"]["personal_id"] is None


def test_lines_that_cannot_be_are_a_failure(with_camera):
    with_camera.look()
    with_camera.lines.on_read(("IDVNM", "x", "y"))
    assert with_camera.next("mrz_failed")["presentation"] == "p1"


def test_a_look_without_lines_ends_by_itself(start):
    running = start(Source("camera"), mrz_seconds=0.2)
    running.look()
    assert running.next("mrz_failed") == {"presentation": "p1", "code": NOT_FOUND}
    assert running.lines.stopped == 1
    running.lines.on_read(lines_of(find("mau")))
    running.scanner.on_text("last")
    assert running.events.get(timeout=10)[0] == "payload_refused"


def test_a_stopped_look_says_nothing_more(with_camera):
    with_camera.look()
    with_camera.stop_looking("somebody else")
    assert with_camera.lines.stopped == 0
    with_camera.stop_looking()
    with_camera.stop_looking()
    assert with_camera.lines.stopped == 1
    with_camera.lines.on_read(lines_of(find("mau")))
    with_camera.scanner.on_text("last")
    assert with_camera.events.get(timeout=10)[0] == "payload_refused"


def test_the_next_look_takes_the_place_of_the_one_before(with_camera):
    with_camera.look("p1")
    first = with_camera.lines.on_read
    with_camera.look("p2")
    first(lines_of(find("thu")))
    with_camera.lines.on_read(lines_of(find("mau")))
    told = with_camera.next("payload")
    assert (told["presentation"], told["reading"]["holder"]["personal_id"]) == ("p2", find("mau").personal_id)
    assert with_camera.events.empty()


def test_a_camera_that_goes_ends_the_look_at_once(with_camera):
    with_camera.look()
    with_camera.sources["camera"].state = "missing"
    assert with_camera.next("mrz_failed") == {"presentation": "p1", "code": "camera.missing"}


@pytest.mark.parametrize("state", ["missing", "absent"])
def test_without_a_camera_there_is_no_look(start, state):
    running = start(Source("scanner"), Source("camera"))
    running.sources["camera"].state = state
    with pytest.raises(RemoteError) as caught:
        running.look()
    assert caught.value.code == "camera.missing"
    assert running.lines.started == 0


@pytest.mark.parametrize("body", [{}, {"presentation": ""}, {"presentation": "p" * 65}, {"presentation": 1}])
def test_a_malformed_look_is_refused(with_camera, body):
    with pytest.raises(RemoteError) as caught:
        with_camera.client.post("/v1/mrz/look", body, dict)
    assert caught.value.code == "wire.malformed"
