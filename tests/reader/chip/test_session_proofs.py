"""Copies, forgeries and refusals: what each check says of them, and that the reading still comes."""

import functools
import threading
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from reader.chip.task import Listener, Wanted
from reader.errors import CardBroken
from reader.payload import parse_payload
from reader.phases import Phase
from reader.pki.trust import NO_TRUST, Trust, load_trust
from reader.reading import Check, Holder, Outcome, Reading
from sandbox.card import files, image, kinds, trust
from sandbox.card.apdu import Reply
from sandbox.card.chip import Chip
from sandbox.card.image import CardImage
from sandbox.card.quirks import Quirks
from sandbox.card.spec import Signature
from sandbox.card.trust import Authority
from sandbox.people import find, qr_text
from sandbox.portrait import jpeg
from tests.reader.chip.cards import surroundings, with_file
from tests.reader.chip.overheard import Ears, Overheard, OverheardSlot, card_slot, keys_of, overhear

PERSON = find("mau")
ISSUED = datetime(2021, 5, 20, 8, tzinfo=UTC)
EVERYTHING = Wanted(everything=True)


@pytest.fixture(scope="module")
def portrait() -> bytes:
    return jpeg(PERSON)


@pytest.fixture(scope="module")
def make(authority, portrait):
    """`make(kind)` is a card of this kind, signed by the authority that the reader trusts, or by `by`."""
    made = functools.cache(lambda kind, by: kinds.build(kind, PERSON, portrait, by or authority))
    return lambda kind="citizen", by=None: made(kind, by)


@pytest.fixture
def world(trust_folder):
    return surroundings(load_trust(trust_folder))


def read(card: CardImage, world, quirks: Quirks | None = None, wanted: Wanted | None = None) -> Overheard:
    return overhear(card_slot(card, quirks), keys_of(card), wanted, world)


def said(check: Check) -> tuple[Outcome, str | None]:
    return check.result, check.reason


def resigned(card: CardImage, authority: Authority, changes: dict[int, bytes | None]) -> CardImage:
    """The card with other files and a SOD that signs them."""
    for number, content in changes.items():
        card = with_file(card, number, content)
    groups = {n & 0xFF: data for n, data in card.files.items() if n not in (image.COM, image.SOD)}
    return with_file(card, image.SOD, files.sod(groups, authority, ISSUED, Signature()))


# Copies


@pytest.mark.parametrize("kind", ["citizen", "ca_dh", "ca_3des", "ca_aes256", "ca_many", "passport_packed"])
@pytest.mark.parametrize("wanted", [Wanted(), Wanted(portrait=True), EVERYTHING], ids=["proof", "portrait", "all"])
def test_a_copy_without_the_chips_key_fails_and_is_read_all_the_same(make, world, kind, wanted):
    heard = read(make(kind), world, Quirks(cloned_chip_key=True), wanted)
    assert said(heard.checks.chip_authentication) == (Outcome.FAILED, "chip_authentication.wrong_keys")
    assert said(heard.checks.hashes) == (Outcome.PASSED, None)
    assert heard.result.reading.holder.full_name is not None
    assert (heard.result.portrait is not None) is (wanted.portrait or wanted.everything)


def test_an_honest_chip_that_loses_its_session_at_that_moment_is_no_copy(make, world):
    easy = read(make(), world)
    protected = sum(command[0] & 0x0C == 0x0C for command in easy.slot.sessions[0])
    for after in range(protected):
        heard = read(make(), world, Quirks(session_lost_after=after))
        assert said(heard.checks.chip_authentication) == (Outcome.PASSED, None)


@pytest.mark.parametrize("kind", ["ca_none", "bac_only", "aa_rsa", "aa_ecdsa_384", "aa_ecdsa_der"])
def test_a_copy_without_the_active_key_fails_and_is_read_all_the_same(make, world, kind):
    heard = read(make(kind), world, Quirks(cloned_active_key=True), EVERYTHING)
    assert said(heard.checks.active_authentication) == (Outcome.FAILED, "active_authentication.wrong_signature")
    assert said(heard.checks.hashes) == (Outcome.PASSED, None)


def test_a_copy_of_a_card_with_both_proofs_fails_both(make, world):
    heard = read(make(), world, Quirks(cloned_chip_key=True, cloned_active_key=True))
    assert heard.checks.chip_authentication.result is Outcome.FAILED
    assert heard.checks.active_authentication.result is Outcome.FAILED


def test_a_card_that_refuses_the_active_proof_has_not_done_it(make, world):
    heard = read(make("ca_none"), world, Quirks(active_authentication_refused=0x6D00))
    assert said(heard.checks.active_authentication) == (Outcome.NOT_DONE, "active_authentication.refused")


# Chip authentication that does not come about


@pytest.mark.parametrize(
    "quirks",
    [
        Quirks(chip_authentication_refused=0x6A80),
        Quirks(chip_authentication_refused=0x6982),
        Quirks(chip_authentication_refused=0x6A88, chip_authentication_ends_session=True),
        Quirks(chip_authentication_refused=0x6988, chip_authentication_ends_session=True),
    ],
    ids=["refused", "forbidden", "ends the session", "ends it as if lost"],
)
@pytest.mark.parametrize("kind", ["citizen", "ca_3des", "ca_dh"])
def test_refused_chip_authentication_is_not_done_and_the_other_proof_is(make, world, kind, quirks):
    heard = read(make(kind), world, quirks, Wanted(portrait=True))
    assert said(heard.checks.chip_authentication) == (Outcome.NOT_DONE, "chip_authentication.refused")
    assert said(heard.checks.active_authentication) == (Outcome.PASSED, None)
    assert heard.result.portrait is not None


def test_malformed_chip_authentication_fails_and_the_other_proof_is_done(make, world):
    class Odd(Chip):
        """Answers the second command of chip authentication with data that has no place there."""

        def _execute(self, command):
            reply = super()._execute(command)
            odd = command.ins == 0x86 and self._session.applet
            return Reply(reply.status, b"\x7c\x02\x80\x00") if odd else reply

    slot = OverheardSlot(Odd(make()))
    heard = overhear(slot, keys_of(make()), None, world)
    assert said(heard.checks.chip_authentication) == (Outcome.FAILED, "chip_authentication.malformed")
    assert said(heard.checks.active_authentication) == (Outcome.PASSED, None)


def test_a_chip_key_that_no_list_signs_proves_nothing(make, world):
    other = kinds.build("ca_aes256", PERSON, None, trust.create()).files[image.DG14]
    heard = read(with_file(make(), image.DG14, other), world)
    assert said(heard.checks.chip_authentication) == (Outcome.NOT_DONE, "chip_authentication.key_not_signed")
    assert said(heard.checks.hashes) == (Outcome.FAILED, "hashes.mismatch")


def test_an_active_key_that_no_list_signs_proves_nothing(make, world):
    other = make("aa_rsa").files[image.DG15]
    heard = read(with_file(make("ca_none"), image.DG15, other), world)
    assert said(heard.checks.active_authentication) == (Outcome.NOT_DONE, "active_authentication.key_not_signed")
    assert said(heard.checks.hashes) == (Outcome.FAILED, "hashes.mismatch")


def test_a_copy_that_takes_its_proofs_away_is_missed(make, world):
    """DG14 is in the signed list: taking the file away takes nothing from what the list says."""
    heard = read(with_file(make(), image.DG14, None), world)
    assert heard.checks.chip_authentication.result is Outcome.NOT_DONE
    assert "dg14.absent" in heard.warnings
    # The other key is signed too, and the chip has it.
    assert said(heard.checks.active_authentication) == (Outcome.PASSED, None)


def test_without_any_proof_of_the_chip_both_are_not_done(make, world):
    card = with_file(with_file(make(), image.DG14, None), image.DG15, None)
    heard = read(card, world)
    assert heard.checks.chip_authentication.result is Outcome.NOT_DONE
    assert heard.checks.active_authentication.result is Outcome.NOT_DONE
    assert {"dg14.absent", "dg15.absent"} <= heard.warnings


def test_a_malformed_dg14_is_no_more_than_a_proof_not_done(make, world, authority):
    card = resigned(make(), authority, {image.DG14: b"\x6e\x02\x31\x7f"})
    heard = read(card, world)
    assert heard.checks.chip_authentication.result is Outcome.NOT_DONE
    assert said(heard.checks.active_authentication) == (Outcome.PASSED, None)


# PACE with chip authentication mapping


@pytest.mark.parametrize("trusted", [True, False])
def test_the_mapping_proves_the_chip_with_the_signed_key(make, world, trusted):
    heard = read(make("pace_cam"), world if trusted else surroundings(NO_TRUST))
    check = heard.checks.chip_authentication
    assert (*said(check), check.protocol) == (Outcome.PASSED, None, "PACE-CAM")


def test_a_copy_fails_the_mapping(make, world):
    heard = read(make("pace_cam"), world, Quirks(cloned_chip_key=True))
    check = heard.checks.chip_authentication
    assert (*said(check), check.protocol) == (Outcome.FAILED, "chip_authentication.wrong_keys", "PACE-CAM")


@pytest.mark.parametrize("trusted", [True, False])
def test_a_copy_that_signs_its_own_card_security_fails(make, world, trusted):
    """Files of a genuine card, beside an EF.CardSecurity with the copy's own key, signed by the copy's maker."""
    forged = make("pace_cam", trust.create())
    genuine = make("pace_cam")
    masters = {**genuine.master_files, image.CARD_SECURITY: forged.master_files[image.CARD_SECURITY]}
    card = msgspec.structs.replace(genuine, master_files=masters, chip_authentication=forged.chip_authentication)
    heard = read(card, world if trusted else surroundings(NO_TRUST))
    assert heard.checks.signature.result is Outcome.PASSED
    assert said(heard.checks.chip_authentication) == (Outcome.FAILED, "chip_authentication.wrong_keys")


def test_a_changed_card_security_proves_nothing(make, world):
    genuine = make("pace_cam")
    security = bytearray(genuine.master_files[image.CARD_SECURITY])
    security[-1] ^= 1  # the last byte of the signature
    masters = {**genuine.master_files, image.CARD_SECURITY: bytes(security)}
    heard = read(msgspec.structs.replace(genuine, master_files=masters), world)
    # DG14's own key is still signed: the chip is proven by the other protocol.
    check = heard.checks.chip_authentication
    assert (*said(check), check.protocol) == (Outcome.PASSED, None, "CA")


@pytest.mark.parametrize("content", [b"\x30\x03\x02\x01\x00", None], ids=["malformed", "absent"])
def test_a_card_security_that_cannot_be_used_does_not_end_the_reading(make, world, content):
    genuine = make("pace_cam")
    masters = {n: data for n, data in genuine.master_files.items() if n != image.CARD_SECURITY}
    if content is not None:
        masters[image.CARD_SECURITY] = content
    check = read(msgspec.structs.replace(genuine, master_files=masters), world).checks.chip_authentication
    assert check.result is (Outcome.FAILED if content else Outcome.PASSED)
    assert check.protocol == ("PACE-CAM" if content else "CA")


# Talked into something weaker


def test_access_as_signed_is_no_finding(make, world):
    for kind in ("citizen", "pace_many", "pace_cam", "passport"):
        assert "access.not_as_signed" not in read(make(kind), world).warnings


def test_an_announcement_that_was_weakened_is_a_finding(make, world):
    strong, weak = make("citizen"), make("pace_3des")
    card = with_file(strong, image.CARD_ACCESS, weak.master_files[image.CARD_ACCESS])
    card = msgspec.structs.replace(card, access=weak.access)
    heard = read(card, world)
    assert heard.checks.access.algorithm == "PACE-ECDH-GM-3DES-CBC-CBC"
    assert "access.not_as_signed" in heard.warnings


def test_an_announcement_that_was_taken_away_is_a_finding(make, world):
    heard = read(make(), world, Quirks(card_access_refused=0x6A82))
    assert heard.checks.access.protocol == "BAC"
    assert "access.not_as_signed" in heard.warnings


# Another story


@pytest.fixture
def other(authority):
    return kinds.build("citizen", find("thu"), None, authority)


@pytest.mark.parametrize("signed", [True, False])
def test_a_dg1_of_somebody_else_disagrees(make, world, authority, other, signed):
    changes = {image.DG1: other.files[image.DG1]}
    card = resigned(make(), authority, changes) if signed else with_file(make(), image.DG1, changes[image.DG1])
    checks = read(card, world).checks
    assert said(checks.agreement) == (Outcome.FAILED, "agreement.personal_id")
    assert said(checks.hashes) == ((Outcome.PASSED, None) if signed else (Outcome.FAILED, "hashes.mismatch"))


def test_a_dg13_of_somebody_else_disagrees(make, world, authority, other):
    checks = read(resigned(make(), authority, {image.DG13: other.files[image.DG13]}), world).checks
    assert said(checks.agreement) == (Outcome.FAILED, "agreement.personal_id")
    assert said(checks.hashes) == (Outcome.PASSED, None)


PRINTED = parse_payload(qr_text(PERSON)).holder


@pytest.mark.parametrize(
    ("printed", "expected", "warning"),
    [
        (PRINTED, (Outcome.PASSED, None), None),
        (Holder(personal_id="001303900017"), (Outcome.PASSED, None), None),
        (
            msgspec.structs.replace(PRINTED, personal_id="079200900017"),
            (Outcome.FAILED, "agreement.printed_personal_id"),
            "agreement.printed_personal_id",
        ),
        (
            msgspec.structs.replace(PRINTED, birth_date="2003-02-15"),
            (Outcome.FAILED, "agreement.printed_birth_date"),
            "agreement.printed_birth_date",
        ),
        (
            msgspec.structs.replace(PRINTED, full_name="Trần Thị Khác"),
            (Outcome.FAILED, "agreement.printed_name"),
            "agreement.printed_name",
        ),
        (
            msgspec.structs.replace(PRINTED, issue_date="2021-05-21"),
            (Outcome.PASSED, None),
            "agreement.printed_issue_date",
        ),
        (msgspec.structs.replace(PRINTED, sex="male"), (Outcome.PASSED, None), "agreement.printed_sex"),
    ],
    ids=["same", "number", "other number", "other birth", "other name", "other issue", "other sex"],
)
def test_what_is_printed_is_compared_with_the_chip(make, world, printed, expected, warning):
    heard = read(make(), world, wanted=Wanted(printed=printed))
    assert said(heard.checks.agreement) == expected
    told = {code for code in heard.warnings if code.startswith("agreement.")}
    assert told == ({warning} if warning else set())


def test_every_disagreement_is_a_finding_of_its_own(make, world, authority, other):
    printed = msgspec.structs.replace(PRINTED, full_name="Ai Đó Khác", birth_date="1999-01-01")
    card = resigned(make(), authority, {image.DG13: other.files[image.DG13]})
    heard = read(card, world, wanted=Wanted(printed=printed))
    assert heard.checks.agreement.result is Outcome.FAILED
    assert {"agreement.personal_id", "agreement.birth_date", "agreement.printed_name"} <= heard.warnings


# Forged files


def test_a_card_of_another_authority_is_unknown_and_not_forged(make, world):
    checks = read(make("citizen", trust.create()), world).checks
    assert said(checks.signature) == (Outcome.PASSED, None)
    assert checks.chain.result is Outcome.NOT_DONE
    assert said(checks.hashes) == (Outcome.PASSED, None)


def test_a_forged_portrait_is_found_with_the_portrait(make, world, authority):
    face = kinds.build("citizen", find("thu"), jpeg(find("thu")), authority).files[image.DG2]
    card = with_file(make(), image.DG2, face)
    without = read(card, world)
    assert said(without.checks.hashes) == (Outcome.PASSED, None)
    heard = read(card, world, wanted=Wanted(portrait=True))
    assert said(heard.checks.hashes) == (Outcome.FAILED, "hashes.mismatch")


def test_a_changed_signature_fails(make, world):
    sod = bytearray(make().files[image.SOD])
    sod[-1] ^= 1
    heard = read(with_file(make(), image.SOD, bytes(sod)), world)
    assert heard.checks.signature.result is Outcome.FAILED


# What is told when


class Waiting(Trust):
    """A trust store that answers only after DG2's first command was sent: the proof must not hold the portrait up."""

    def with_key(self, key_id):
        assert portrait_begun.wait(20), "the portrait waits for the proof"
        return super().with_key(key_id)

    def named(self, subject):
        assert portrait_begun.wait(20), "the portrait waits for the proof"
        return super().named(subject)


portrait_begun = threading.Event()


class Watching(OverheardSlot):
    """Tells when DG2's first command comes; then each command gives the proof a moment until it is told."""

    def __init__(self, chip: Chip, told: threading.Event) -> None:
        super().__init__(chip)
        self.told = told
        self.after_proof = 0

    def transmit(self, command: bytes) -> bytes:
        if command[:4] == b"\x0c\xb0\x82\x00":
            portrait_begun.set()
        elif portrait_begun.is_set() and not self.told.wait(0.1):
            self.after_proof = len(self.sessions[-1])
        return super().transmit(command)


@pytest.mark.parametrize("kind", ["citizen", "ca_none", "bac_only"])
def test_the_proof_is_worked_out_while_the_portrait_is_read(make, world, kind):
    from reader.chip.session import read_card

    portrait_begun.clear()
    told = threading.Event()
    events: list[object] = []
    ears = Ears()

    def proven(reading: Reading) -> None:
        told.set()
        events.append(reading)

    listener = Listener(
        phase=events.append, identity=lambda reading: events.append(reading.holder), proven=proven, trace=ears
    )
    slot = Watching(Chip(make(kind)), told)
    waiting = Waiting(world.trust.anchors, world.trust.revocations)
    wanted = Wanted(portrait=True, extended=False)
    result = read_card(slot, keys_of(make(kind)), replace(world, trust=waiting), 60, wanted, listener)
    reading = next(event for event in events if isinstance(event, Reading))
    assert reading.evidence.checks is not None
    assert reading.evidence.checks.chain.result is Outcome.PASSED
    assert result.reading.evidence.checks.chain.result is Outcome.PASSED
    # Before the portrait was whole.
    assert 0 < slot.after_proof < len(slot.sessions[-1])
    order = [type(event).__name__ if not isinstance(event, Phase) else event for event in events]
    assert order.index("Holder") < order.index(Phase.PROOF) < order.index("Reading")
    assert order.index(Phase.PORTRAIT) < order.index("Reading") < order.index(Phase.DONE)


def test_identity_and_proof_are_told_once_though_the_session_is_lost(make, world):
    for after in range(12):
        heard = read(make(), world, Quirks(session_lost_after=after), Wanted(portrait=True))
        assert (len(heard.identities), len(heard.proven)) == (1, 1)
        assert heard.identities[0].evidence.checks.hashes.result is Outcome.NOT_DONE
        assert heard.proven[0].evidence.checks.hashes.result is Outcome.PASSED
        assert heard.identities[0].reading_id == heard.result.reading.reading_id


def test_a_portrait_at_hand_is_not_read_again(make, world):
    card = make()
    first = read(card, world, wanted=Wanted(portrait=True))
    seen: list[bytes] = []

    def has_portrait(digest: bytes) -> bool:
        seen.append(digest)
        return True

    again = read(card, world, wanted=Wanted(portrait=True, has_portrait=has_portrait))
    assert seen == [bytes.fromhex(first.result.files["sod"][1])]
    assert "dg2" not in again.result.files
    assert image.DG2 not in again.ears.files()
    assert said(again.checks.chip_authentication) == (Outcome.PASSED, None)


def test_a_dg13_that_is_not_understood_must_be_as_signed(make, world, authority):
    odd = b"\x6d\x03\x30\x05\x02"
    heard = read(resigned(make(), authority, {image.DG13: odd}), world)
    assert heard.result.reading.holder.full_name == "TRAN THI MAU"
    with pytest.raises(CardBroken):
        read(with_file(make(), image.DG13, odd), world)
