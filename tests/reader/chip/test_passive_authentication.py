"""Passive authentication: every scheme, and every way in which a proof can be wrong."""

from dataclasses import replace

import pytest
from asn1crypto import pem
from hypothesis import given
from hypothesis import strategies as st

from reader.chip import curves, passive_authentication
from reader.chip.passive_authentication import Verdicts
from reader.chip.trust import Anchor, TrustUnusable, load_anchors
from reader.errors import CardBroken
from reader.reading import Outcome
from tests.reader.chip.cards import NOW
from tests.reader.chip.proofs import Proof, Scheme, certificate, ec_key, public_info, rsa_key, security_object

FILES = {1: b"\x61\x01a", 13: b"\x6d\x01b"}
RSA_KEY = rsa_key()
EC_KEY = ec_key(curves.BRAINPOOL_P256R1)
ROOT_KEY = ec_key(curves.BRAINPOOL_P512R1)
ROOT_SCHEME = Scheme("ecdsa", "sha512")
ROOT = certificate("Root", public_info(ROOT_KEY, {}), "Root", ROOT_KEY, ROOT_SCHEME, ca=True)
TRUST = (Anchor(ROOT),)


def signer(key: object, **differences: object):
    explicit = differences.pop("explicit", None)
    given_key = differences.pop("root_key", ROOT_KEY)
    return certificate("Signer", public_info(key, explicit), "Root", given_key, ROOT_SCHEME, **differences)


def proof(key: object = EC_KEY, scheme: Scheme | None = None, **differences: object) -> Proof:
    content = security_object(FILES)
    return Proof(content, key, signer(key, **differences), scheme or Scheme())


def judge(made: Proof, files=FILES, anchors=TRUST) -> Verdicts:
    return passive_authentication.check(passive_authentication.parse(made.encode()), files, anchors, NOW)


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
    assert judge(replace(proof(), content_type="data")).signature.reason == "signature.content_type"


def test_a_signature_without_attributes_is_verified():
    assert results(judge(replace(proof(), attributes=False))) == ALL_PASSED


def test_the_signer_is_chosen_among_several_certificates():
    other = certificate("Other", public_info(RSA_KEY), "Elsewhere", RSA_KEY, Scheme("rsa"))
    assert results(judge(replace(proof(), others=(other,)))) == ALL_PASSED


def test_nobody_trusted_leaves_the_chain_open():
    verdicts = judge(proof(), anchors=())
    assert (verdicts.chain.result, verdicts.chain.reason) == (Outcome.NOT_DONE, "chain.no_trust")


def test_an_unknown_signer_leaves_the_chain_open():
    key = ec_key(curves.SECP256R1)
    stranger = certificate("Stranger", public_info(key), "Stranger", key, Scheme(), ca=True)
    verdicts = judge(proof(), anchors=(Anchor(stranger),))
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
    assert judge(proof(), anchors=(Anchor(no_authority),)).chain.reason == "chain.unknown"


def test_a_signer_trusted_itself_passes_the_chain():
    made = proof()
    assert judge(made, anchors=(Anchor(made.signer),)).chain.protocol == "pinned"


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


def test_the_trust_folder_takes_der_and_pem(tmp_path):
    der = ROOT.dump()
    (tmp_path / "a.cer").write_bytes(der)
    (tmp_path / "b.pem").write_bytes(pem.armor("CERTIFICATE", der) * 2)
    (tmp_path / "readme.txt").write_text("not a certificate")
    assert [anchor.certificate.dump() for anchor in load_anchors(tmp_path)] == [der] * 3
    assert load_anchors(None) == ()


@pytest.mark.parametrize("content", [b"", b"no certificate", b"\x30\x03\x02\x01\x00"])
def test_a_broken_certificate_in_the_trust_folder_is_said(tmp_path, content):
    (tmp_path / "a.cer").write_bytes(content)
    with pytest.raises(TrustUnusable) as caught:
        load_anchors(tmp_path)
    assert caught.value.data["file"] == "a.cer"


def test_a_trust_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(TrustUnusable):
        load_anchors(tmp_path / "nowhere")
