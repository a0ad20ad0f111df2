"""From signer to trusted authority: rollover of keys, countries, times, purposes, revocation."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from asn1crypto import x509

from reader import curves
from reader.errors import CardBroken
from reader.pki import certificates, chains, revocation
from reader.pki.chains import Chain
from reader.pki.trust import NO_TRUST, Trust
from reader.reading import Outcome
from tests.reader.pki.proofs import (
    MASTER_LIST_SIGNING,
    SIGNED_AT,
    Scheme,
    certificate,
    ec_key,
    name,
    public_info,
    revocation_list,
    trusting,
)

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SCHEME = Scheme("ecdsa", "sha384")
OLD_KEY, NEW_KEY, NEXT_KEY, DSC_KEY = (ec_key(curves.BRAINPOOL_P256R1) for _ in range(4))
OLD_ID, NEW_ID, NEXT_ID = b"O" * 20, b"N" * 20, b"X" * 20


def authority(key: object, own_id: bytes | None, **differences: object) -> x509.Certificate:
    made = {"ca": True, "own_id": own_id, "issuer_id": own_id, "country": "VN", "years": (2020, 2040), **differences}
    return certificate("CSCA", public_info(key), "CSCA", key, SCHEME, **made)


def link(key: object, own_id: bytes, by: object, by_id: bytes, **differences: object) -> x509.Certificate:
    made = {"ca": True, "own_id": own_id, "issuer_id": by_id, "country": "VN", "years": (2021, 2040), **differences}
    return certificate("CSCA", public_info(key), "CSCA", by, SCHEME, **made)


def signer(by: object, by_id: bytes | None, **differences: object) -> x509.Certificate:
    made = {"issuer_id": by_id, "country": "VN", "serial": 77, **differences}
    return certificate("Signer", public_info(DSC_KEY), "CSCA", by, SCHEME, **made)


OLD, NEW = authority(OLD_KEY, OLD_ID), authority(NEW_KEY, NEW_ID)
LINK = link(NEW_KEY, NEW_ID, OLD_KEY, OLD_ID)


def build(
    made: x509.Certificate,
    trust: Trust,
    *carried: x509.Certificate,
    signed_at: datetime | None = SIGNED_AT,
    purpose: bytes | None = None,
    now: datetime = NOW,
) -> Chain:
    parsed = [certificates.parse(one.dump(), "test") for one in (made, *carried)]
    return chains.build(parsed[0], parsed, trust, signed_at, now, purpose)


def outcome(chain: Chain) -> tuple[Outcome, str | None]:
    return chain.check.result, chain.check.reason


PASSED = (Outcome.PASSED, None)
UNKNOWN = (Outcome.NOT_DONE, "chain.unknown")


# Keys that follow each other.


def test_a_signer_is_chained_by_key_among_authorities_of_one_name():
    for key, key_id in ((OLD_KEY, OLD_ID), (NEW_KEY, NEW_ID)):
        assert outcome(build(signer(key, key_id), trusting(OLD, NEW))) == PASSED


def test_a_signer_under_the_new_key_is_reached_by_the_link_certificate_in_the_folder():
    assert outcome(build(signer(NEW_KEY, NEW_ID), trusting(OLD, LINK))) == PASSED


def test_a_signer_under_the_new_key_is_reached_by_the_link_certificate_on_the_card():
    chain = build(signer(NEW_KEY, NEW_ID), trusting(OLD), LINK)
    assert outcome(chain) == PASSED
    assert chain.anchor is not None
    assert chain.anchor.der == OLD.dump()
    assert outcome(build(signer(NEW_KEY, NEW_ID), trusting(OLD))) == UNKNOWN


def test_two_links_are_followed_and_a_third_is_not():
    second = link(NEXT_KEY, NEXT_ID, NEW_KEY, NEW_ID)
    made = signer(NEXT_KEY, NEXT_ID)
    assert outcome(build(made, trusting(OLD), LINK, second)) == PASSED
    fourth_key = ec_key(curves.SECP256R1)
    third = link(fourth_key, b"F" * 20, NEXT_KEY, NEXT_ID)
    assert outcome(build(signer(fourth_key, b"F" * 20), trusting(OLD), LINK, second, third)) == UNKNOWN


def test_a_link_that_nobody_trusted_signed_leads_nowhere():
    forged = link(NEW_KEY, NEW_ID, NEXT_KEY, OLD_ID)
    assert build(signer(NEW_KEY, NEW_ID), trusting(OLD), forged).check.result is not Outcome.PASSED


@pytest.mark.parametrize("differences", [{"ca": False}, {"usage": frozenset({"digital_signature"})}])
def test_a_certificate_on_the_card_that_is_no_full_authority_is_no_link(differences):
    weak = link(NEW_KEY, NEW_ID, OLD_KEY, OLD_ID, **differences)
    assert outcome(build(signer(NEW_KEY, NEW_ID), trusting(OLD), weak)) == UNKNOWN


def test_an_authority_without_basic_constraints_is_one_when_a_site_trusts_it():
    usage = frozenset({"key_cert_sign", "crl_sign"})
    odd = authority(OLD_KEY, OLD_ID, ca=False, usage=usage)
    assert outcome(build(signer(OLD_KEY, OLD_ID), trusting(odd))) == PASSED


def test_links_in_a_ring_come_to_an_end():
    ring = [link(NEW_KEY, NEW_ID, NEXT_KEY, NEXT_ID), link(NEXT_KEY, NEXT_ID, NEW_KEY, NEW_ID)]
    assert outcome(build(signer(NEW_KEY, NEW_ID), trusting(OLD), *ring)) == UNKNOWN


def test_many_certificates_of_one_name_cost_a_bounded_number_of_signatures():
    same = [link(NEW_KEY, NEW_ID, NEXT_KEY, NEW_ID, serial=number) for number in range(2, 30)]
    assert outcome(build(signer(NEW_KEY, NEW_ID), trusting(OLD), *same)) == UNKNOWN


# What is unknown and what is a lie.


def test_a_wrong_signature_under_the_named_key_is_a_lie():
    assert outcome(build(signer(NEW_KEY, OLD_ID), trusting(OLD))) == (Outcome.FAILED, "chain.wrong_signature")


def test_the_name_of_a_trusted_authority_with_another_key_is_unknown():
    assert outcome(build(signer(NEW_KEY, NEW_ID), trusting(OLD))) == UNKNOWN


def test_a_key_identifier_that_fits_nobody_does_not_hide_the_authority_of_that_name():
    assert outcome(build(signer(OLD_KEY, b"?" * 20), trusting(OLD))) == PASSED


def test_signer_and_authority_are_of_one_country():
    other = signer(OLD_KEY, OLD_ID, country="LA", issuer_country="VN")
    assert outcome(build(other, trusting(OLD))) == (Outcome.FAILED, "chain.country")
    assert outcome(build(signer(OLD_KEY, OLD_ID, country="vn", issuer_country="VN"), trusting(OLD))) == PASSED


def test_nobody_is_trusted():
    assert outcome(build(signer(OLD_KEY, OLD_ID), NO_TRUST)) == (Outcome.NOT_DONE, "chain.no_trust")


# Times and purposes.


def test_a_signer_that_expired_after_signing_passes_with_a_warning():
    chain = build(signer(OLD_KEY, OLD_ID, years=(2022, 2025)), trusting(OLD))
    assert (outcome(chain), chain.warnings) == (PASSED, ("chain.signer_expired",))


@pytest.mark.parametrize("signed_at", [datetime(2021, 1, 1, tzinfo=UTC), datetime(2025, 6, 1, tzinfo=UTC)])
def test_a_signer_that_was_not_valid_when_it_signed_fails(signed_at):
    chain = build(signer(OLD_KEY, OLD_ID, years=(2022, 2025)), trusting(OLD), signed_at=signed_at)
    assert outcome(chain) == (Outcome.FAILED, "chain.signer_not_valid")


def test_without_a_signing_time_an_expired_signer_is_a_warning_and_one_of_the_future_a_failure():
    past, future = (signer(OLD_KEY, OLD_ID, years=years) for years in ((2022, 2025), (2030, 2039)))
    assert build(past, trusting(OLD), signed_at=None).warnings == ("chain.signer_expired",)
    chain = build(future, trusting(OLD), signed_at=None)
    assert outcome(chain) == (Outcome.FAILED, "chain.signer_not_valid")


def test_an_authority_that_expired_since_vouches_for_what_it_issued():
    assert outcome(build(signer(OLD_KEY, OLD_ID), trusting(authority(OLD_KEY, OLD_ID, years=(2020, 2025))))) == PASSED


@pytest.mark.parametrize("purpose", [MASTER_LIST_SIGNING, "2.23.136.1.1.8", "server_auth"])
def test_a_certificate_for_another_purpose_signs_no_documents(purpose):
    chain = build(signer(OLD_KEY, OLD_ID, purposes=[purpose]), trusting(OLD))
    assert outcome(chain) == (Outcome.FAILED, "chain.key_usage")


def test_a_document_signer_signs_no_master_lists():
    lists = signer(OLD_KEY, OLD_ID, purposes=[MASTER_LIST_SIGNING])
    assert outcome(build(lists, trusting(OLD), purpose=chains.LIST_SIGNING)) == PASSED
    chain = build(signer(OLD_KEY, OLD_ID), trusting(OLD), purpose=chains.LIST_SIGNING)
    assert outcome(chain) == (Outcome.FAILED, "chain.key_usage")


def test_a_weak_hash_under_the_signer_is_a_warning():
    made = certificate(
        "Signer", public_info(DSC_KEY), "CSCA", OLD_KEY, Scheme("ecdsa", "sha1"), issuer_id=OLD_ID, country="VN"
    )
    assert build(made, trusting(OLD)).warnings == ("chain.weak_hash",)


# Revocation.

ISSUED = datetime(2026, 11, 1, tzinfo=UTC)
NEXT = datetime(2027, 1, 1, tzinfo=UTC)


def listing(
    revoked: dict[int, str | None],
    key: object = OLD_KEY,
    key_id: bytes | None = OLD_ID,
    issued_at: datetime = ISSUED,
    next_at: datetime | None = NEXT,
    **differences: object,
) -> revocation.RevocationList:
    issuer = name("CSCA", "VN")
    return revocation.parse(revocation_list(issuer, key, SCHEME, revoked, issued_at, next_at, key_id, **differences))


def with_lists(*lists: revocation.RevocationList, trusted: tuple[x509.Certificate, ...] = (OLD,)) -> Chain:
    return build(signer(OLD_KEY, OLD_ID), trusting(*trusted, revocations=lists))


@pytest.mark.parametrize("reason", ["key_compromise", "superseded", "certificate_hold", None])
def test_a_signer_that_was_taken_back_fails_and_the_reason_is_told(reason):
    chain = with_lists(listing({77: reason}))
    assert outcome(chain) == (Outcome.FAILED, "chain.revoked")
    assert chain.warnings == (f"revocation.{reason or 'unspecified'}",)


def test_a_current_list_without_the_signer_says_nothing():
    chain = with_lists(listing({5: None, 76: "key_compromise"}))
    assert (outcome(chain), chain.warnings) == (PASSED, ())


@pytest.mark.parametrize(
    ("issued_at", "next_at", "stale"),
    [
        (NOW - timedelta(days=60), NOW - timedelta(days=1), True),
        (NOW - timedelta(days=60), None, False),
        (NOW - timedelta(days=91), None, True),
    ],
)
def test_a_list_that_should_have_a_successor_by_now_is_a_warning(issued_at, next_at, stale):
    chain = with_lists(listing({}, issued_at=issued_at, next_at=next_at))
    assert (outcome(chain), chain.warnings) == (PASSED, ("revocation.stale",) if stale else ())


def test_what_a_stale_list_takes_back_stays_taken_back():
    chain = with_lists(listing({77: None}, issued_at=NOW - timedelta(days=200), next_at=NOW - timedelta(days=100)))
    assert outcome(chain) == (Outcome.FAILED, "chain.revoked")


def test_a_list_that_nobody_trusted_signed_is_a_warning_and_takes_nothing_back():
    chain = with_lists(listing({77: None}, key=NEXT_KEY))
    assert (outcome(chain), chain.warnings) == (PASSED, ("revocation.unverified",))


def test_the_new_key_takes_back_what_the_old_one_issued():
    chain = with_lists(listing({77: None}, key=NEW_KEY, key_id=NEW_ID), trusted=(OLD, NEW))
    assert outcome(chain) == (Outcome.FAILED, "chain.revoked")


def test_a_list_of_one_key_does_not_hide_that_of_another():
    lists = (listing({77: None}, issued_at=ISSUED - timedelta(days=20)), listing({}, key=NEW_KEY, key_id=NEW_ID))
    assert outcome(with_lists(*lists, trusted=(OLD, NEW))) == (Outcome.FAILED, "chain.revoked")


def test_the_newest_list_of_a_key_counts():
    lists = (listing({77: "certificate_hold"}, issued_at=ISSUED - timedelta(days=20)), listing({}))
    assert outcome(with_lists(*lists)) == PASSED


def test_an_authority_that_was_taken_back_vouches_for_nobody():
    chain = with_lists(listing({7: "ca_compromise"}))
    assert outcome(chain) == (Outcome.FAILED, "chain.authority_revoked")


def test_a_list_that_is_not_whole_by_its_own_word_is_a_warning():
    assert with_lists(listing({}, critical=True)).warnings == ("revocation.partial",)


def test_an_authority_of_another_name_takes_nothing_back():
    issuer = name("Another CSCA", "VN")
    other = revocation.parse(revocation_list(issuer, NEXT_KEY, SCHEME, {77: None}, ISSUED, NEXT, NEXT_ID))
    stranger = replace(trusting(OLD, authority(NEXT_KEY, NEXT_ID)), revocations=(other,))
    assert outcome(build(signer(OLD_KEY, OLD_ID), stranger)) == PASSED


@pytest.mark.parametrize("data", [b"", b"\x30\x00", OLD.dump(), b"\x30\x80\x00\x00"])
def test_what_is_no_revocation_list_is_said(data):
    with pytest.raises(CardBroken):
        revocation.parse(data)
