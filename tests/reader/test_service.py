"""The reader process over its socket: presence, readings, payloads. The card is the sandbox card, without PC/SC."""

import threading
from collections.abc import Iterator

import msgspec
import pytest

from reader.chip.transport import Presence
from reader.errors import CardRemoved
from reader.payload import parse_payload
from reader.phases import Phase
from reader.portraits import KEEP_SECONDS
from sandbox.card import image, kinds
from sandbox.card.quirks import Quirks
from sandbox.people import all_people, find, qr_text
from tests.reader.bench import READY, Running
from tests.reader.chip.cards import InProcessSlot, image_of, slot_with, with_file
from wire.errors import RemoteError


def test_events_begin_with_the_presence_now(running):
    name, data = running.first
    assert name == "presence"
    assert data == {"service": False, "reader": None, "card": False, "problem": "reader.service_down"}


def test_a_card_is_read_in_events(running, authority):
    running.ready()
    running.place(slot_with(image_of("mau", authority)))
    assert running.open() == {"accepted": True}
    assert running.next("phase") == {"presentation": "p1", "phase": 10, "progress": 5}
    identity = running.next("identity")
    assert identity["reading"]["holder"]["full_name"] == "Trần Thị Mẫu"
    assert identity["reading"]["evidence"]["checks"]["hashes"]["result"] == "not_done"
    complete = running.next("reading")
    assert complete["presentation"] == "p1"
    assert complete["reading"]["evidence"]["source"] == "chip"
    assert complete["reading"]["evidence"]["checks"]["signature"]["result"] == "passed"
    assert complete["reading"]["reading_id"] == identity["reading"]["reading_id"]


def test_the_portrait_is_read_when_set_and_never_leaves(start, authority):
    running = start(portrait=True)
    running.ready()
    running.place(slot_with(image_of("mau", authority)))
    running.open()
    assert "portrait" not in running.next("reading")["reading"]
    assert running.next("portrait") == {"presentation": "p1", "available": True}


def test_without_the_setting_no_portrait_is_read_or_told(running, authority):
    running.ready()
    slot = slot_with(image_of("mau", authority))
    running.place(slot)
    running.open()
    running.next("reading")
    running.open("p2")
    seen = []
    while (event := running.events.get(timeout=10))[0] != "reading":
        seen.append((event[0], event[1].get("phase")))
    assert ("portrait", None) not in seen
    assert ("phase", int(Phase.PORTRAIT)) not in seen


PRINTED = parse_payload(qr_text(find("mau"))).holder


def test_what_was_printed_is_compared_with_the_chip(running, authority):
    running.ready()
    running.place(slot_with(image_of("mau", authority)))
    running.open(printed=PRINTED)
    assert running.next("reading")["reading"]["evidence"]["checks"]["agreement"]["result"] == "passed"
    running.open("p2", printed=msgspec.structs.replace(PRINTED, full_name="Ai Đó Khác"))
    told = running.next("reading")["reading"]
    assert told["evidence"]["checks"]["agreement"]["reason"] == "agreement.printed_name"
    assert "agreement.printed_name" in told["warnings"]


def test_what_was_printed_opens_a_card_that_knows_no_can(running, authority):
    running.ready()
    running.place(slot_with(kinds.build("bac_only", find("mau"), None, authority)))
    running.open()
    assert running.next("failed")["code"] == "reader.mrz_needed"
    running.open("p2", printed=PRINTED)
    assert running.next("reading")["reading"]["evidence"]["checks"]["access"]["protocol"] == "BAC"


def test_what_was_printed_on_another_card_gives_no_keys(running, authority):
    running.ready()
    slot = slot_with(kinds.build("bac_only", find("mau"), None, authority))
    running.place(slot)
    running.open(can="123456", printed=PRINTED)
    assert running.next("failed")["code"] == "reader.mrz_needed"


class Reading:
    """What came of one reading of the card: commands it took, and what was told."""

    def __init__(self, running: Running, slot: InProcessSlot, presentation: str) -> None:
        before = slot.chip.apdus
        running.open(presentation)
        self.reading = running.next("reading")["reading"]
        self.portrait = running.next("portrait")
        self.apdus = slot.chip.apdus - before


def test_a_card_laid_down_again_does_not_give_its_portrait_twice(start, authority):
    running = start(portrait=True)
    running.ready()
    slot = slot_with(image_of("mau", authority), Quirks(most_bytes_per_reply=500))
    running.place(slot)
    first = Reading(running, slot, "p1")
    again = Reading(running, slot, "p2")
    assert first.portrait["available"] is again.portrait["available"] is True
    assert again.apdus < first.apdus - 15
    assert again.reading["evidence"]["checks"]["chip_authentication"]["result"] == "passed"
    running.clock.ahead += KEEP_SECONDS
    assert Reading(running, slot, "p3").apdus >= first.apdus - 1


def test_the_portrait_of_one_card_is_not_anothers(start, authority):
    running = start(portrait=True)
    running.ready()
    slot = slot_with(image_of("mau", authority))
    running.place(slot)
    first = Reading(running, slot, "p1")
    other = slot_with(image_of("mau", authority))  # signed anew: another EF.SOD
    running.place(other)
    assert Reading(running, other, "p2").apdus == first.apdus


def test_a_forged_portrait_is_never_kept(start, authority):
    face = image_of("thu", authority).files[image.DG2]
    running = start(portrait=True)
    running.ready()
    slot = slot_with(with_file(image_of("mau", authority), image.DG2, face))
    running.place(slot)
    first = Reading(running, slot, "p1")
    assert first.portrait["available"] is False
    again = Reading(running, slot, "p2")
    assert again.portrait["available"] is False
    assert again.apdus == first.apdus


def test_a_card_without_a_portrait_is_told_so(start, authority):
    running = start(portrait=True)
    running.ready()
    child = next(person for person in all_people() if not person.portrait)
    running.place(slot_with(image_of(child.key, authority)))
    running.open(can=child.can)
    running.next("reading")
    assert running.next("portrait")["available"] is False


class StuckInPortrait(InProcessSlot):
    """Once the test heard the reading, hangs in a command of DG2 until the test lets it go."""

    def __init__(self, chip) -> None:
        super().__init__(chip)
        self.begun = False
        self.heard, self.reached, self.release = threading.Event(), threading.Event(), threading.Event()

    def transmit(self, command: bytes) -> bytes:
        self.begun = self.begun or command[:3] == b"\x0c\xb0\x82"
        if self.begun and self.heard.wait(0.1):
            self.reached.set()
            self.release.wait(20)
        return super().transmit(command)


@pytest.fixture
def in_portrait(start, authority) -> Iterator[tuple[Running, StuckInPortrait]]:
    """A reading that has been told and lacks its portrait only."""
    running = start(portrait=True)
    slot = StuckInPortrait(slot_with(image_of("mau", authority), Quirks(most_bytes_per_reply=100)).chip)
    running.ready()
    running.place(slot)
    running.open()
    running.next("reading")
    slot.heard.set()
    assert slot.reached.wait(10)
    yield running, slot
    slot.release.set()


def test_the_reading_is_told_before_the_portrait_is_in(in_portrait):
    running, slot = in_portrait
    slot.release.set()
    assert running.next("portrait") == {"presentation": "p1", "available": True}


def test_a_portrait_under_way_keeps_nobody_waiting(in_portrait, authority):
    running, _slot = in_portrait
    running.place(slot_with(image_of("thu", authority)))
    assert running.open("p2", can=find("thu").can) == {"accepted": True}
    reading = running.next("reading")
    assert reading["presentation"] == "p2"
    assert reading["reading"]["holder"]["personal_id"] == find("thu").personal_id


def test_a_portrait_under_way_can_be_cancelled_and_is_no_failed_reading(in_portrait):
    running, slot = in_portrait
    running.client.post("/v1/chip/cancel", {"presentation": "p1"}, dict)
    slot.release.set()
    name, told = running.events.get(timeout=10)
    while name == "phase":
        name, told = running.events.get(timeout=10)
    assert (name, told["presentation"], told["code"]) == ("portrait", "p1", "reader.cancelled")


def test_a_card_taken_away_in_its_portrait_is_no_failed_reading(in_portrait):
    running, slot = in_portrait
    running.bench.show(READY)
    slot.release.set()
    name, told = running.events.get(timeout=10)
    while name in ("phase", "presence"):
        name, told = running.events.get(timeout=10)
    assert (name, told["code"]) == ("portrait", "reader.card_removed")


def test_a_wrong_key_is_told_and_the_right_one_opens(running, authority):
    running.ready()
    running.place(slot_with(image_of("mau", authority)))
    running.open(can="000000")
    failed = running.next("failed")
    assert (failed["presentation"], failed["code"], failed["retriable"]) == ("p1", "reader.wrong_key", False)
    running.open("p2")
    assert running.next("reading")["presentation"] == "p2"


@pytest.mark.parametrize(
    ("presence", "code"),
    [
        (Presence(service=False, reader=None, card=False, problem="reader.service_down"), "reader.service_down"),
        (Presence(service=False, reader=None, card=False, problem="reader.not_allowed"), "reader.not_allowed"),
        (Presence(service=True, reader=None, card=False, problem="reader.no_reader"), "reader.no_reader"),
        (READY, "reader.no_card"),
    ],
)
def test_what_is_missing_is_the_answer(running, presence, code):
    running.ready()
    running.bench.show(presence)
    running.bench.show(presence)
    running.next("presence")
    with pytest.raises(RemoteError) as caught:
        running.open()
    assert caught.value.code == code


@pytest.mark.parametrize(
    "body",
    [{}, {"presentation": "p"}, {"presentation": "", "can": "123456"}, {"presentation": "p", "can": "12345"},
     {"presentation": "p", "can": "123456\n"}, {"presentation": "p", "can": "１２３４５６"},
     {"presentation": "p", "can": 123456}],
)  # fmt: skip
def test_a_malformed_question_is_refused_without_its_content(running, body):
    with pytest.raises(RemoteError) as caught:
        running.client.post("/v1/chip/open", body, dict)
    assert caught.value.code == "wire.malformed"
    assert "123456" not in str(caught.value.data)


class Stuck(InProcessSlot):
    """A driver that hangs in one command until the test lets it go."""

    def __init__(self, chip) -> None:
        super().__init__(chip)
        self.reached = threading.Event()
        self.release = threading.Event()

    def transmit(self, command: bytes) -> bytes:
        if command[1] == 0x86:
            self.reached.set()
            self.release.wait(20)
        return super().transmit(command)


@pytest.fixture
def stuck(running, authority) -> Iterator[Stuck]:
    slot = Stuck(slot_with(image_of("mau", authority)).chip)
    running.ready()
    running.place(slot)
    running.open()
    assert slot.reached.wait(10)
    yield slot
    slot.release.set()


def test_one_reading_at_a_time(running, stuck):
    with pytest.raises(RemoteError) as caught:
        running.open("p2")
    assert caught.value.code == "reader.busy"
    assert caught.value.retriable


def test_a_reading_can_be_cancelled_even_in_a_hanging_driver(running, stuck):
    running.client.post("/v1/chip/cancel", {"presentation": "p1"}, dict)
    assert running.next("failed")["code"] == "reader.cancelled"


def test_cancelling_another_presentation_changes_nothing(running, stuck):
    running.client.post("/v1/chip/cancel", {"presentation": "p0"}, dict)
    stuck.release.set()
    assert running.next("reading")["presentation"] == "p1"


def test_after_a_cancelled_reading_the_next_person_is_not_told_busy(running, stuck, authority):
    running.client.post("/v1/chip/cancel", {"presentation": "p1"}, dict)
    running.place(slot_with(image_of("mau", authority)))
    assert running.open("p2") == {"accepted": True}
    assert running.next("reading")["presentation"] == "p2"


def test_a_failed_source_is_started_again_and_its_error_kept_out_of_the_log(start, caplog):
    running = start(source_failures=1)
    running.scanner.on_text("nonsense")
    assert running.next("payload_refused")
    assert "payload source scanner failed: OSError" in caplog.text
    assert "001303900017" not in caplog.text


def test_taking_the_card_away_ends_the_reading_at_once(running, stuck):
    running.bench.show(READY)
    assert running.next("failed")["code"] == CardRemoved.code


def test_a_hung_reading_that_wakes_up_later_says_nothing(running, stuck):
    running.bench.show(READY)
    running.next("failed")
    stuck.release.set()
    running.scanner.on_text("nonsense")
    name, _ = running.events.get(timeout=10)
    assert name == "payload_refused"


def test_a_reading_that_takes_too_long_is_given_up(start, authority):
    running = start(timeout_seconds=0.3)
    slot = Stuck(slot_with(image_of("mau", authority)).chip)
    running.ready()
    running.place(slot)
    running.open()
    failed = running.next("failed")
    slot.release.set()
    assert failed["code"] == "reader.too_slow"


def test_a_broken_card_is_told_as_such(running, authority):
    running.ready()
    running.place(slot_with(image_of("mau", authority), Quirks(wrong_mac_from=2)))
    running.open()
    assert running.next("failed")["code"] == "reader.card_broken"


def test_health_tells_of_every_device(running):
    running.ready()
    health = running.client.get("/v1/health", dict)
    assert health["presence"]["reader"] == "Reader 0"
    assert health["scanner"]["state"] == "open"
    assert health["camera"] == {"configured": False}


def test_logs_name_no_person(running, authority, caplog):
    with caplog.at_level("DEBUG"):
        running.ready()
        running.place(slot_with(image_of("mau", authority)))
        running.open()
        running.next("reading")
        running.open(can="123123")
        running.next("failed")
        running.scanner.on_text(qr_text(find("thu")))
        running.next("payload")
    for secret in ("001303900017", "900017", "123123", "Trần", "TRAN", find("thu").personal_id):
        assert secret not in caplog.text
