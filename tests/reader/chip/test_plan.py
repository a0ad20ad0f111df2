"""How much is asked for in one command: what grows, what shrinks, what is remembered."""

from reader.chip import plan
from reader.chip.plan import Memory, Plan

AES = plan.protected(16, plan.MAX_SIZE, extended=True)


def test_the_first_size_is_what_nearly_every_card_with_extended_length_gives():
    assert AES.size == 4000
    assert plan.protected(16, plan.MAX_SIZE, extended=False).size == 223
    assert plan.protected(8, plan.MAX_SIZE, extended=False).size == 231


def test_every_size_has_a_next_smaller_one_down_to_the_last():
    seen, now = [], AES
    while now is not None:
        seen.append(now.size)
        now = now.smaller()
    assert seen == [4000, 2048, 1000, 223, 192, 160, 128, 112, 64, 32]


def test_a_full_block_makes_the_next_one_larger_up_to_a_ceiling():
    larger = AES.grown(4000)
    assert larger.size == 16000
    assert larger.grown(16000).size == 16000


def test_a_short_block_or_a_part_of_a_block_does_not_grow():
    assert AES.grown(1200) == AES
    short = plan.protected(16, plan.MAX_SIZE, extended=False)
    assert short.grown(223) == short


def test_a_size_that_was_refused_is_never_grown_into_again():
    refused = AES.grown(4000).smaller()
    assert refused.size == 4000
    assert refused.grown(4000).size == 4000


def test_a_first_extended_length_refused_at_the_price_of_a_session_falls_to_short_at_once():
    assert AES.after_refusal(4000).size == 223
    assert AES.grown(4000).after_refusal(11085).size == 4000


def test_a_reader_that_cannot_carry_much_is_asked_for_a_thousand_then_for_short():
    tried = AES.after_transmission_failed()
    assert tried.size == 1000
    assert tried.after_transmission_failed().size == 223
    assert tried.after_transmission_failed().after_transmission_failed() is None


def test_the_callers_limit_comes_first_and_stays():
    limited = plan.protected(16, 100, extended=False)
    assert (limited.size, limited.smaller().size) == (100, 64)
    assert plan.protected(16, 3000, extended=True).grown(3000).size == 3000
    assert plan.protected(16, 3000, extended=False).size == 223
    assert plan.protected(16, 30000, extended=True).size == 4000
    assert plan.protected(16, 30000, extended=True).grown(4000).grown(16000).size == 30000


def test_the_cards_own_word_is_a_ceiling():
    assert AES.at_most(1500).sizes[:3] == (1500, 1000, 223)
    assert AES.at_most(1500).grown(1500).size == 1500


def test_the_next_reading_begins_where_every_reading_begins():
    assert AES.grown(4000).settled().size == 4000
    assert AES.grown(4000).settled().grown(4000).size == 16000


def test_what_worked_is_remembered_per_reader_and_kind_of_card():
    memory, slow = Memory(), Plan((223,), short_ids=False)
    memory.remember("reader", b"kind", slow)
    assert memory.recall("reader", b"kind") == slow
    assert memory.recall("another reader", b"kind") is None
    assert memory.recall("reader", b"another kind") is None


def test_the_memory_is_bounded_and_forgets_the_oldest():
    memory = Memory()
    for number in range(plan.MAX_REMEMBERED + 1):
        memory.remember("reader", bytes([number]), AES)
    assert memory.recall("reader", b"\0") is None
    assert memory.recall("reader", b"\1") == AES
