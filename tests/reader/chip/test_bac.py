"""Basic access control against a card that does its side by the standard, and against cards that do not."""

import hashlib

import pytest

from reader.chip import apdu, bac
from reader.chip.apdu import Command, Response, parse_response
from reader.errors import CardBroken, UnsupportedAccess, WrongKey
from tests.support.paper_card import PaperCard, TripleDesPaper, blocks, xor

MRZ_INFORMATION = "303900017703021402802149"  # card.md 10.3, A
OTHER = "200900024700070104007018"
CHALLENGE = bytes.fromhex("4608F919FFFFFFFF")
MATERIAL = bytes(range(16))


def kdf(seed: bytes, counter: int) -> bytes:
    return hashlib.sha1(seed + bytes([0, 0, 0, counter]), usedforsecurity=False).digest()[:16]


def paper(seed: bytes) -> TripleDesPaper:
    """Keys without their parity: DES looks at no such bit, and this card need not either."""
    return TripleDesPaper(kdf(seed, 1), kdf(seed, 2))


def enciphered(cipher: TripleDesPaper, plain: bytes) -> bytes:
    state, out = bytes(8), b""
    for block in blocks(plain, 8):
        state = cipher.encipher(xor(state, block))
        out += state
    return out


def deciphered(cipher: TripleDesPaper, hidden: bytes) -> bytes:
    state, out = bytes(8), b""
    for block in blocks(hidden, 8):
        out += xor(state, cipher.decipher(block))
        state = block
    return out


class BacCard:
    """Opens with one MRZ. `refusal` is what it answers to another; `spoil` changes its own proof, `wants` its Le."""

    def __init__(self, refusal: str = "6300", spoil=lambda proof: proof, wants: int | None = None) -> None:
        digest = hashlib.sha1(MRZ_INFORMATION.encode(), usedforsecurity=False).digest()
        self.keys = paper(digest[:16])
        self.refusal = bytes.fromhex(refusal)
        self.spoil = spoil
        self.wants = wants
        self.sent: list[Command] = []
        self.session: PaperCard | None = None

    def send(self, command: Command) -> Response:
        self.sent.append(command)
        if self.session is not None:
            return parse_response(self.session.transmit(command.encode()))
        if command.ins == 0x84:
            return Response(CHALLENGE, 0x9000)
        assert (command.cla, command.ins, command.p1, command.p2, len(command.data)) == (0, 0x82, 0, 0, 40)
        if self.wants is not None and command.le != self.wants:
            return Response(b"", 0x6700)
        hidden, mac = command.data[:32], command.data[32:]
        plain = deciphered(self.keys, hidden)
        if mac != self.keys.mac(hidden) or plain[8:16] != CHALLENGE:
            return parse_response(self.refusal)
        seed = xor(plain[16:], MATERIAL)
        counter = int.from_bytes(CHALLENGE[4:] + plain[4:8], "big")
        self.session = PaperCard(paper(seed), counter, lambda _: (b"answer", b"\x90\x00"))
        proof = enciphered(self.keys, self.spoil(CHALLENGE + plain[:8] + MATERIAL))
        return Response(proof + self.keys.mac(proof), 0x9000)


def random_bytes(size: int) -> bytes:
    return b"\xff" * size


def test_the_right_mrz_opens_the_card_and_the_session_works():
    card = BacCard()
    channel = bac.establish(card, MRZ_INFORMATION, random_bytes)
    assert channel.channel is card
    # Both challenges end in FF FF FF FF: the counter wraps around at once.
    for _ in range(3):
        assert channel.send(apdu.read_by_short_id(1, 223)) == Response(b"answer", 0x9000)
    assert [command.ins for command in card.sent[:2]] == [0x84, 0x82]
    assert [command.le for command in card.sent[:2]] == [8, 40]


def test_each_session_has_fresh_numbers():
    drawn: list[int] = []

    def counting(size: int) -> bytes:
        drawn.append(size)
        return bytes([len(drawn)]) * size

    tokens = []
    for _ in range(2):
        card = BacCard()
        bac.establish(card, MRZ_INFORMATION, counting)
        tokens.append(card.sent[1].data)
    assert drawn == [8, 16, 8, 16]
    assert tokens[0] != tokens[1]


@pytest.mark.parametrize("refusal", ["6300", "6982", "6983", "6984", "6985", "6988", "6A80"])
def test_a_wrong_mrz_is_told_after_one_attempt(refusal):
    card = BacCard(refusal)
    with pytest.raises(WrongKey) as caught:
        bac.establish(card, OTHER, random_bytes)
    assert "attempts_left" not in caught.value.data
    assert len(card.sent) == 2


@pytest.mark.parametrize("left", [0, 1, 9])
def test_a_card_that_counts_says_how_many_attempts_are_left(left):
    with pytest.raises(WrongKey) as caught:
        bac.establish(BacCard(f"63C{left:X}"), OTHER, random_bytes)
    assert caught.value.data["attempts_left"] == left


def test_a_chip_that_takes_no_other_length_than_everything_is_asked_again_from_the_start():
    card = BacCard(wants=256)
    channel = bac.establish(card, MRZ_INFORMATION, random_bytes)
    assert channel.send(apdu.read_by_short_id(1, 223)).data == b"answer"
    assert [command.ins for command in card.sent] == [0x84, 0x82, 0x84, 0x82, 0xB0]


def test_a_chip_that_takes_no_length_at_all_is_broken():
    card = BacCard(wants=-1)
    with pytest.raises(CardBroken) as caught:
        bac.establish(card, MRZ_INFORMATION, random_bytes)
    assert caught.value.data == {"where": "bac.authenticate", "sw": "6700"}
    assert len(card.sent) == 4


class Answers:
    """Answers in this order, whatever it is asked."""

    def __init__(self, *answers: Response) -> None:
        self.answers = list(answers)

    def send(self, _: Command) -> Response:
        return self.answers.pop(0)


@pytest.mark.parametrize("sw", [0x6D00, 0x6E00, 0x6A81, 0x6982, 0x6985, 0x6F00])
def test_a_card_that_gives_no_challenge_has_no_basic_access_control(sw):
    with pytest.raises(UnsupportedAccess) as caught:
        bac.establish(Answers(Response(b"", sw)), MRZ_INFORMATION, random_bytes)
    assert caught.value.data["sw"] == f"{sw:04X}"


@pytest.mark.parametrize("sw", [0x6D00, 0x6E00, 0x6A81, 0x6A86, 0x6882])
def test_a_card_that_does_not_know_the_command_has_no_basic_access_control(sw):
    with pytest.raises(UnsupportedAccess):
        bac.establish(Answers(Response(CHALLENGE, 0x9000), Response(b"", sw)), MRZ_INFORMATION, random_bytes)


@pytest.mark.parametrize(
    ("answers", "where"),
    [
        ([Response(b"", 0x9000)], "bac.challenge"),
        ([Response(bytes(7), 0x9000)], "bac.challenge"),
        ([Response(bytes(65536), 0x9000)], "bac.challenge"),
        ([Response(CHALLENGE, 0x9000), Response(b"", 0x6F00)], "bac.authenticate"),
        ([Response(CHALLENGE, 0x9000), Response(bytes(40), 0x6282)], "bac.authenticate"),
        ([Response(CHALLENGE, 0x9000), Response(b"", 0x9000)], "bac.answer"),
        ([Response(CHALLENGE, 0x9000), Response(bytes(39), 0x9000)], "bac.answer"),
        ([Response(CHALLENGE, 0x9000), Response(bytes(65536), 0x9000)], "bac.answer"),
        ([Response(CHALLENGE, 0x9000), Response(bytes(40), 0x9000)], "bac.checksum"),
    ],
)
def test_a_malformed_answer_is_a_broken_card(answers, where):
    with pytest.raises(CardBroken) as caught:
        bac.establish(Answers(*answers), MRZ_INFORMATION, random_bytes)
    assert caught.value.data["where"] == where


@pytest.mark.parametrize("at", range(16))
def test_a_card_that_answers_another_challenge_is_not_believed(at):
    def spoil(proof: bytes) -> bytes:
        return proof[:at] + bytes([proof[at] ^ 1]) + proof[at + 1 :]

    with pytest.raises(CardBroken) as caught:
        bac.establish(BacCard(spoil=spoil), MRZ_INFORMATION, random_bytes)
    assert caught.value.data["where"] == "bac.challenge_answered"


def test_an_answer_recorded_from_another_session_is_not_believed():
    first = BacCard()
    recorded: list[Response] = []

    class Recorder:
        def send(self, command: Command) -> Response:
            recorded.append(first.send(command))
            return recorded[-1]

    bac.establish(Recorder(), MRZ_INFORMATION, random_bytes)
    with pytest.raises(CardBroken) as caught:
        bac.establish(Answers(*recorded), MRZ_INFORMATION, bytes)
    assert caught.value.data["where"] == "bac.challenge_answered"
