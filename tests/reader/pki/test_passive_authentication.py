"""Passive authentication: every scheme, and every way in which a proof can be wrong."""

import hashlib
from dataclasses import replace

import pytest
from asn1crypto import cms, x509
from hypothesis import given
from hypothesis import strategies as st

from reader import curves
from reader.errors import CardBroken
from reader.pki import passive_authentication
from reader.pki.passive_authentication import Verdicts
from reader.pki.trust import NO_TRUST, Trust
from reader.reading import Outcome
from reader.tlv import encode
from tests.reader.chip.cards import NOW
from tests.reader.pki.proofs import (
    Proof,
    Scheme,
    certificate,
    ec_key,
    public_info,
    rsa_key,
    security_object,
    trusting,
)

FILES = {1: b"\x61\x01a", 13: b"\x6d\x01b"}
RSA_KEY = rsa_key()
EC_KEY = ec_key(curves.BRAINPOOL_P256R1)
ROOT_KEY = ec_key(curves.BRAINPOOL_P512R1)
ROOT_SCHEME = Scheme("ecdsa", "sha512")
ROOT = certificate("Root", public_info(ROOT_KEY, {}), "Root", ROOT_KEY, ROOT_SCHEME, ca=True)
TRUST = trusting(ROOT)


def signer(key: object, **differences: object):
    explicit = differences.pop("explicit", None)
    given_key = differences.pop("root_key", ROOT_KEY)
    return certificate("Signer", public_info(key, explicit), "Root", given_key, ROOT_SCHEME, **differences)


def proof(key: object = EC_KEY, scheme: Scheme | None = None, **differences: object) -> Proof:
    content = security_object(FILES)
    return Proof(content, key, signer(key, **differences), scheme or Scheme())


def judge(made: Proof, files=FILES, trust: Trust = TRUST) -> Verdicts:
    return passive_authentication.check(passive_authentication.parse(made.encode()), files, trust, NOW)


def results(verdicts: Verdicts) -> tuple[Outcome, Outcome, Outcome]:
    return verdicts.hashes.result, verdicts.signature.result, verdicts.chain.result


ALL_PASSED = (Outcome.PASSED,) * 3


@pytest.mark.parametrize("hash_name", ["sha1", "sha224", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("kind", ["rsa", "rsa_pss", "ecdsa", "ecdsa_plain"])
def test_every_signature_scheme_is_verified(kind, hash_name):
    key = RSA_KEY if kind.startswith("rsa") else EC_KEY
    assert results(judge(proof(key, Scheme(kind, hash_name)))) == ALL_PASSED


@pytest.mark.parametrize("curve", curves.BY_PARAMETER_ID.values(), ids=lambda curve: curve.name)
@pytest.mark.parametrize("explicit", [None, {}], ids=["named", "explicit"])
def test_every_curve_is_verified_named_and_with_explicit_parameters(curve, explicit):
    assert results(judge(proof(ec_key(curve), explicit=explicit))) == ALL_PASSED


@pytest.mark.parametrize("parameter", ["p", "a", "b", "x", "y", "n", "h"])
def test_a_curve_that_differs_in_any_parameter_is_not_used(parameter):
    known = {"p": "p", "a": "a", "b": "b", "n": "n"}
    curve = curves.BRAINPOOL_P256R1
    value = {"x": curve.g.x, "y": curve.g.y, "h": 1}.get(parameter) or getattr(curve, known[parameter])
    verdicts = judge(proof(explicit={parameter: value + 2}))
    assert verdicts.signature.result is Outcome.NOT_DONE
    assert verdicts.signature.reason == "signature.unsupported"


@pytest.mark.parametrize("hash_name", ["sha1", "sha224", "sha256", "sha384", "sha512"])
def test_every_hash_of_the_list_is_checked(hash_name):
    verdicts = judge(replace(proof(), content=security_object(FILES, hash_name)))
    assert verdicts.hashes.result is Outcome.PASSED
    assert verdicts.warnings == (("sod.weak_hash",) if hash_name == "sha1" else ())


def test_a_changed_file_fails_the_hashes_only():
    verdicts = judge(proof(), {1: FILES[1], 13: b"\x6d\x01c"})
    assert (verdicts.hashes.result, verdicts.hashes.reason) == (Outcome.FAILED, "hashes.mismatch")
    assert results(verdicts)[1:] == (Outcome.PASSED, Outcome.PASSED)


def test_a_file_that_is_not_signed_fails_the_hashes():
    assert judge(proof(), {**FILES, 14: b"\x6e\x00"}).hashes.reason == "hashes.not_listed"


def test_signed_files_that_were_not_read_are_no_fault():
    assert judge(proof(), {1: FILES[1]}).hashes.result is Outcome.PASSED


def test_a_list_signed_by_another_key_is_wrong():
    verdicts = judge(replace(proof(), key=ec_key(curves.BRAINPOOL_P256R1)))
    assert (verdicts.signature.result, verdicts.signature.reason) == (Outcome.FAILED, "signature.wrong")


def test_attributes_that_bind_another_digest_are_wrong():
    assert judge(replace(proof(), digest=bytes(32))).signature.reason == "signature.digest"


def test_attributes_of_another_content_type_are_wrong():
    assert judge(replace(proof(), bound_type="data")).signature.reason == "signature.content_type"


def test_a_signature_without_attributes_is_verified():
    assert results(judge(replace(proof(), attributes=False))) == ALL_PASSED


def test_the_signer_is_chosen_among_several_certificates():
    other = certificate("Other", public_info(RSA_KEY), "Elsewhere", RSA_KEY, Scheme("rsa"))
    assert results(judge(replace(proof(), others=(other,)))) == ALL_PASSED


def test_nobody_trusted_leaves_the_chain_open():
    verdicts = judge(proof(), trust=NO_TRUST)
    assert (verdicts.chain.result, verdicts.chain.reason) == (Outcome.NOT_DONE, "chain.no_trust")


def test_an_unknown_signer_leaves_the_chain_open():
    key = ec_key(curves.SECP256R1)
    stranger = certificate("Stranger", public_info(key), "Stranger", key, Scheme(), ca=True)
    verdicts = judge(proof(), trust=trusting(stranger))
    assert (verdicts.chain.result, verdicts.chain.reason) == (Outcome.NOT_DONE, "chain.unknown")


def test_a_signer_that_only_claims_the_trusted_issuer_fails_the_chain():
    verdicts = judge(proof(root_key=ec_key(curves.BRAINPOOL_P512R1)))
    assert (verdicts.chain.result, verdicts.chain.reason) == (Outcome.FAILED, "chain.wrong_signature")


def test_a_signer_out_of_its_time_fails_the_chain():
    verdicts = judge(proof(years=(2022, 2023)))
    assert verdicts.chain.reason == "chain.signer_not_valid"


def test_a_signer_older_than_its_authority_fails_the_chain():
    assert judge(proof(years=(2020, 2037))).chain.reason == "chain.authority_not_valid"


def test_a_signer_without_the_right_to_sign_fails_the_chain():
    assert judge(proof(usage=frozenset({"key_encipherment"}))).chain.reason == "chain.key_usage"


def test_a_certificate_that_is_no_authority_vouches_for_nobody():
    no_authority = certificate("Root", public_info(ROOT_KEY), "Root", ROOT_KEY, ROOT_SCHEME)
    assert judge(proof(), trust=trusting(no_authority)).chain.reason == "chain.unknown"


def test_a_signer_trusted_itself_passes_the_chain():
    made = proof()
    assert judge(made, trust=trusting(made.signer)).chain.protocol == "pinned"


@given(st.data())
def test_a_damaged_proof_never_passes_and_never_crashes(data):
    good = SOD
    at = data.draw(st.integers(0, len(good) - 1))
    flip = data.draw(st.integers(1, 255))
    damaged = good[:at] + bytes([good[at] ^ flip]) + good[at + 1 :]
    try:
        parsed = passive_authentication.parse(damaged)
    except CardBroken:
        return
    verdicts = passive_authentication.check(parsed, FILES, TRUST, NOW)
    if results(verdicts) == ALL_PASSED:
        # Bytes that nothing signs: the CMS frame, and how it names the signer.
        assert parsed.content == passive_authentication.parse(good).content


SOD = proof().encode()


@given(st.binary(max_size=200))
def test_garbage_is_no_security_object(data):
    for content in (data, b"\x77" + bytes([len(data) % 128]) + data[: len(data) % 128]):
        try:
            passive_authentication.parse(content)
        except CardBroken:
            continue


# How the signer is named, and several signers.


def test_the_signer_is_found_by_its_key_identifier():
    made = proof(EC_KEY, own_id=b"K" * 20)
    other = certificate("Other", public_info(RSA_KEY), "Elsewhere", RSA_KEY, Scheme("rsa"), own_id=b"L" * 20)
    assert results(judge(replace(made, by_key=b"K" * 20, others=(other,)))) == ALL_PASSED


def test_a_signer_without_key_identifier_is_found_by_the_hash_of_its_key():
    point = public_info(EC_KEY)["public_key"].native
    by_key = hashlib.sha1(point).digest()  # noqa: S324 - RFC 5280, 4.2.1.2
    other = certificate("Other", public_info(RSA_KEY), "Elsewhere", RSA_KEY, Scheme("rsa"))
    assert results(judge(replace(proof(), by_key=by_key, others=(other,)))) == ALL_PASSED


def test_a_signer_that_is_named_wrongly_is_found_among_few_certificates():
    other = certificate("Other", public_info(RSA_KEY), "Elsewhere", RSA_KEY, Scheme("rsa"))
    assert results(judge(replace(proof(), by_key=b"?" * 20, others=(other,)))) == ALL_PASSED


def test_a_list_without_the_signers_certificate_is_said():
    verdicts = judge(replace(proof(), carried=False))
    assert (verdicts.signature.result, verdicts.signature.reason) == (Outcome.FAILED, "signature.no_certificate")
    assert (verdicts.chain.result, verdicts.chain.reason) == (Outcome.NOT_DONE, "signature.no_certificate")


def test_one_good_signer_among_several_is_enough():
    bad = replace(proof(RSA_KEY, Scheme("rsa"), serial=8), key=rsa_key())
    for first, second in ((bad, proof()), (proof(), bad)):
        sod = encode(0x77, first.bare(second))
        verdicts = passive_authentication.check(passive_authentication.parse(sod), FILES, TRUST, NOW)
        assert results(verdicts) == ALL_PASSED


def test_a_trusted_signer_counts_before_an_unknown_one():
    stranger_key = ec_key(curves.SECP256R1)
    stranger = certificate("Stranger", public_info(stranger_key), "Stranger", stranger_key, Scheme())
    unknown = Proof(security_object(FILES), stranger_key, stranger, Scheme())
    sod = encode(0x77, unknown.bare(proof()))
    verdicts = passive_authentication.check(passive_authentication.parse(sod), FILES, TRUST, NOW)
    assert results(verdicts) == ALL_PASSED


def test_names_are_compared_as_people_read_them():
    """States write one name in several string types, cases and orders."""
    info = cms.ContentInfo.load(proof().bare())
    info["content"]["signer_infos"][0]["sid"].chosen["issuer"] = x509.Name.build({"common_name": " ROOT "})
    other = certificate("Other", public_info(RSA_KEY), "Elsewhere", RSA_KEY, Scheme("rsa"))
    info["content"]["certificates"].append(cms.CertificateChoices("certificate", other))
    sod = encode(0x77, info.dump(force=True))
    verdicts = passive_authentication.check(passive_authentication.parse(sod), FILES, TRUST, NOW)
    assert results(verdicts) == ALL_PASSED


def test_the_content_type_of_old_documents_is_accepted():
    assert results(judge(replace(proof(), content_type="1.3.27.1.1.1"))) == ALL_PASSED


@pytest.mark.parametrize("content_type", ["data", "2.23.136.1.1.2", "0.4.0.127.0.7.3.2.1"])
def test_signed_data_of_another_kind_is_no_security_object(content_type):
    with pytest.raises(CardBroken):
        judge(replace(proof(), content_type=content_type))


def test_a_weak_signature_passes_with_a_warning():
    verdicts = judge(proof(RSA_KEY, Scheme("rsa", "sha1")))
    assert results(verdicts) == ALL_PASSED
    assert verdicts.warnings == ("signature.weak_hash",)
    assert judge(proof(ec_key(curves.SECP192R1))).warnings == ("signature.weak_key",)


# Who may sign what.


def mrz_file(text: str) -> bytes:
    return encode(0x61, encode(0x5F1F, text.ljust(90, "<").encode()))


def judge_document(mrz: str, **differences: object) -> Verdicts:
    files = {1: mrz_file(mrz)}
    made = replace(proof(**differences), content=security_object(files))
    return judge(made, files)


def test_a_signer_of_another_state_cannot_sign_a_vietnamese_card():
    assert results(judge_document("IDVNM", country="VN", issuer_country="")) == ALL_PASSED
    verdicts = judge_document("IDVNM", country="LA", issuer_country="")
    assert (verdicts.chain.result, verdicts.chain.reason) == (Outcome.FAILED, "chain.issuing_state")
    assert results(judge_document("I<LAO", country="LA", issuer_country="")) == ALL_PASSED


@pytest.mark.parametrize(
    ("types", "kind", "warned"),
    [
        (["ID"], "ID", False),
        (["P", "ID"], "ID", False),
        (["I"], "ID", False),
        (["P"], "ID", True),
        (["P"], "P<", False),
        (["PD"], "P<", True),
        ([], "ID", True),
    ],
)
def test_a_signer_of_other_kinds_of_documents_is_a_warning(types, kind, warned):
    verdicts = judge_document(f"{kind}VNM", document_types=types)
    assert results(verdicts) == ALL_PASSED
    assert verdicts.warnings == (("chain.document_type",) if warned else ())


# EF.CardSecurity.

INFOS = bytes.fromhex(
    "3134300D060804007F0007020202020101300F060A04007F000702020302020201013012060A04007F00070202040202020102"
)
CARD_SECURITY = "0.4.0.127.0.7.3.2.1"


def test_card_security_is_judged_by_the_same_rules():
    made = replace(proof(), content=INFOS, content_type=CARD_SECURITY)
    judged = passive_authentication.check_card_security(made.bare(), TRUST, NOW)
    assert (judged.content, judged.signature.result, judged.chain.result) == (INFOS, Outcome.PASSED, Outcome.PASSED)
    forged = passive_authentication.check_card_security(replace(made, digest=bytes(32)).bare(), TRUST, NOW)
    assert forged.signature.reason == "signature.digest"


@pytest.mark.parametrize(
    "data", [b"", b"\x30\x00", b"\x31\x00", proof().bare()], ids=["empty", "nothing", "set", "SOD"]
)
def test_what_is_no_card_security_is_said(data):
    with pytest.raises(CardBroken) as caught:
        passive_authentication.check_card_security(data, TRUST, NOW)
    assert caught.value.data["where"] == "card_security"
