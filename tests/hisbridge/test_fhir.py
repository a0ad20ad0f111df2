"""A record as a FHIR transaction: who, what cover, which visit, on what evidence; what each event asks for."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest

from config.destinations import FhirDestination
from config.destinations.fhir import SYSTEMS
from config.settings import load
from hisbridge.connectors.fhir_bundle import render
from hisbridge.connectors.fhir_resources import chip_proven
from hisbridge.questions import Verdict
from hisbridge.records import AddressCodes, Event, Proof
from tests.hisbridge.fhir_making import BHYT, CCCD, GOLDEN, bundle, fhir, merged, proof, proven, resources, visit
from tests.hisbridge.making import coverage, patient, record

OWN_SYSTEMS = {"personal_id": "urn:x:cccd", "insurance": "urn:x:bhyt", "record_number": "urn:x:mrn"}


def requests(told: dict) -> list[tuple[str, str, str]]:
    return [
        (one["request"]["method"], unquote(one["request"]["url"]), unquote(one["request"].get("ifNoneExist", "")))
        for one in told["entry"]
    ]


def test_an_arrival_creates_person_cover_visit_and_evidence_each_only_where_it_is_not_there() -> None:
    assert [one[:2] for one in requests(bundle(record()))] == [
        ("POST", "Patient"),
        ("POST", "Coverage"),
        ("POST", "Encounter"),
        ("POST", "Provenance"),
    ]
    assert [one[2] for one in requests(bundle(record()))][:3] == [
        f"identifier={CCCD}|001303900017",
        f"identifier={BHYT}|GD4000000000017",
        "identifier=urn:tiepdon:visit|visit-1",
    ]


@pytest.mark.parametrize("name", GOLDEN)
def test_every_resend_is_the_same_to_the_byte(name: str) -> None:
    assert render(GOLDEN[name], fhir()) == render(
        msgspec.convert(msgspec.to_builtins(GOLDEN[name]), type(GOLDEN[name])), fhir()
    )


def test_each_revision_visit_and_destination_has_names_of_its_own() -> None:
    told = [
        bundle(record()),
        bundle(record("visit-2")),
        bundle(record(event=Event.UPDATED, revision=1)),
        bundle(record(), fhir(name="other")),
    ]
    urls = [one["fullUrl"] for each in told for one in each["entry"]]
    assert len(set(urls)) == len(urls) == 16
    assert all(one.startswith("urn:uuid:") for one in urls)
    assert len({each["identifier"]["value"] for each in told}) == 4


def test_references_stay_inside_the_bundle() -> None:
    told = bundle(record())
    person, cover, stay, evidence = told["entry"]
    assert cover["resource"]["beneficiary"]["reference"] == person["fullUrl"]
    assert stay["resource"]["subject"]["reference"] == person["fullUrl"]
    targets = [one["reference"] for one in evidence["resource"]["target"]]
    assert targets == [person["fullUrl"], stay["fullUrl"]]


def test_a_name_is_told_whole_and_in_its_parts_in_vietnamese_order() -> None:
    [person] = resources(record(), "Patient")
    assert person["name"] == [
        {"use": "official", "text": "Nguyễn Thị Hoài Thử", "family": "Nguyễn", "given": ["Thị", "Hoài", "Thử"]}
    ]
    [person] = resources(record(patient=patient(full_name="Thử")), "Patient")
    assert person["name"] == [{"use": "official", "text": "Thử", "family": "Thử"}]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("2003-02-14", "2003-02-14"),
        ("1948-05", "1948-05"),
        ("1948", "1948"),
        ("1948-02-31", "1948-02"),
        ("1948-13", "1948"),
        ("0000", None),
        (None, None),
    ],
)
def test_a_birth_date_is_told_at_the_precision_known(told: str | None, expected: str | None) -> None:
    [person] = resources(record(patient=patient(birth_date=told)), "Patient")
    assert person.get("birthDate") == expected


@pytest.mark.parametrize(
    ("sex", "expected"), [("male", "male"), ("female", "female"), ("unknown", "unknown"), (None, None)]
)
def test_the_sex_is_the_cards(sex: str | None, expected: str | None) -> None:
    [person] = resources(record(patient=patient(sex=sex)), "Patient")
    assert person.get("gender") == expected


def test_an_address_has_two_levels_and_no_district() -> None:
    [person] = resources(GOLDEN["codes"], "Patient")
    [address] = person["address"]
    assert address["text"] == "Số 1 Phố Mẫu, Phường Ba Đình, Hà Nội"
    assert (address["line"], address["city"], address["state"]) == (
        ["Số 1 Phố Mẫu"],
        "Phường Ba Đình",
        "Thành phố Hà Nội",
    )
    assert "district" not in address
    assert [(one["url"].rpartition("/")[2], one["valueCoding"]["code"]) for one in address["extension"]] == [
        ("vn-ext-province", "01"),
        ("vn-ext-ward", "00004"),
    ]


def test_a_ward_that_is_not_certain_is_not_told() -> None:
    codes = AddressCodes(province_code="01", ward_candidates=("00004", "00008"), detail="Số 1")
    [person] = resources(record(patient=patient(residence_codes=codes)), "Patient")
    [address] = person["address"]
    assert address["state"] == "Thành phố Hà Nội"
    assert not {"city", "line"} & address.keys()
    [person] = resources(record(), "Patient")
    assert person["address"] == [{"use": "home", "text": "Số 1 Đường Mẫu, Phường Mẫu, Hà Nội", "country": "VN"}]


@pytest.mark.parametrize("verdict", Verdict)
def test_only_an_answer_that_carries_cover_becomes_a_coverage(verdict: Verdict) -> None:
    told = resources(record(coverage=coverage(verdict=verdict)), "Coverage")
    if verdict not in (Verdict.VALID, Verdict.VALID_NEW_CARD):
        assert told == []
        return
    [cover] = told
    assert cover["status"] == "active"
    assert cover["period"] == {"start": "2026-01-01", "end": "2026-12-31"}
    assert cover["subscriberId"] == "GD4000000000017"
    assert cover["network"] == "01028"


def test_on_a_mismatch_not_one_number_of_the_insurers_leaves() -> None:
    told = render(record(coverage=coverage(verdict=Verdict.MISMATCH)), fhir()) or b""
    assert b"GD4000000000017" not in told
    assert b"0000000017" not in told


def test_the_evidence_says_where_when_by_which_kiosk_and_each_check() -> None:
    [told] = resources(proven(evidence=proof(chip_authentication="not_done")), "Provenance")
    assert told["occurredDateTime"] == "2026-11-21T00:44:58+00:00"
    assert told["agent"][0]["who"]["identifier"]["value"] == "kiosk-1"
    checks = {
        parts["name"]: parts["result"]
        for one in told["extension"]
        for parts in [{part["url"]: part["valueCode"] for part in one["extension"]}]
    }
    assert checks["signature"] == "passed"
    assert checks["chip_authentication"] == "not_done"
    assert told["activity"]["coding"][0]["code"] == "chip-proven"


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (proof(), "chip-proven"),
        (proof(chain="not_done"), "chip"),
        (proof(signature="failed"), "chip"),
        (proof(chip_authentication="failed"), "chip"),
        (proof("card_qr"), "card-qr"),
        (proof("typed"), "typed"),
        (Proof(source="chip", read_at="2026-11-21T00:44:58Z"), "chip"),
    ],
)
def test_never_more_is_claimed_than_was_proven(evidence: Proof, expected: str) -> None:
    [told] = resources(record(evidence=evidence), "Provenance")
    assert told["activity"]["coding"][0]["code"] == expected
    assert chip_proven(evidence) is (expected == "chip-proven")


def test_only_a_proven_chip_updates_the_person_and_only_where_the_site_wants_it() -> None:
    assert requests(bundle(proven()))[0] == ("PUT", f"Patient?identifier={CCCD}|001303900017", "")
    assert requests(bundle(record()))[0][0] == "POST"
    assert requests(bundle(proven(evidence=proof(chain="not_done"))))[0][0] == "POST"
    assert requests(bundle(proven(), fhir(update_person=False)))[0][0] == "POST"


def test_what_staff_corrected_later_is_no_proof_of_the_chip() -> None:
    assert requests(bundle(proven(event=Event.UPDATED, revision=1)))[0][0] == "POST"


def test_a_late_answer_updates_the_visit_and_adds_the_cover() -> None:
    assert [one[:2] for one in requests(bundle(record(event=Event.UPDATED, revision=1)))] == [
        ("POST", "Patient"),
        ("POST", "Coverage"),
        ("PUT", "Encounter?identifier=urn:tiepdon:visit|visit-1"),
        ("POST", "Provenance"),
    ]


def test_a_known_cards_period_is_updated_unless_the_site_wants_it_left_alone() -> None:
    usual = FhirDestination(name="his", base_url="http://127.0.0.1/fhir")
    assert requests(bundle(record(), usual))[1][:2] == ("PUT", f"Coverage?identifier={BHYT}|GD4000000000017")
    assert requests(bundle(record(), fhir(update_coverage=False)))[1][:2] == ("POST", "Coverage")


def test_a_check_in_taken_back_cancels_its_visit_and_tells_no_cover() -> None:
    told = bundle(record(event=Event.CANCELLED, revision=1))
    assert [one[1].partition("?")[0] for one in requests(told)] == ["Patient", "Encounter", "Provenance"]
    assert told["entry"][1]["resource"]["status"] == "cancelled"
    assert told["entry"][1]["request"]["method"] == "PUT"


def test_two_records_of_one_person_are_linked_by_the_hospitals_numbers() -> None:
    his = fhir(systems={"record_number": "urn:x:mrn"})
    told = bundle(merged(), his)
    assert [one[:2] for one in requests(told)][:2] == [
        ("PUT", "Patient?identifier=urn:x:mrn|BN000001"),
        ("PUT", "Patient?identifier=urn:x:mrn|BN000002"),
    ]
    kept, given_up = (one["resource"] for one in told["entry"][:2])
    assert (kept["active"], kept["link"][0]["type"]) == (True, "replaces")
    assert (given_up["active"], given_up["link"][0]["type"]) == (False, "replaced-by")
    assert given_up["link"][0]["other"]["reference"] == told["entry"][0]["fullUrl"]
    assert [one[1] for one in requests(bundle(merged()))][:2] == ["Patient/BN000001", "Patient/BN000002"]


def test_a_merge_is_told_only_confirmed_and_only_where_the_site_wants_it() -> None:
    assert render(merged(), fhir(merges=False)) is None
    assert render(record(event=Event.MERGED, revision=1), fhir()) is None
    assert render(merged("BN000001", "BN000001"), fhir()) is None
    assert render(merged(given_up="../Patient"), fhir()) is None


@pytest.mark.parametrize(("told", "dated"), [("2026-11-21T09:30:00+07:00",) * 2, (None, "2026-11-21T07:45:00+07:00")])
def test_bundle_and_evidence_are_dated_by_the_making_of_the_record(told: str | None, dated: str) -> None:
    made = record(event=Event.UPDATED, revision=1, recorded_at=told)
    [evidence] = resources(made, "Provenance")
    assert (bundle(made)["timestamp"], evidence["recorded"]) == (dated, dated)
    [visited] = resources(made, "Encounter")
    assert visited["period"] == {"start": "2026-11-21T07:45:00+07:00"}


def test_an_appointment_is_told_only_by_an_id_of_the_receivers_own() -> None:
    told = bundle(record(visit=visit(appointment_id="a-17")))
    assert ("PUT", "Appointment/a-17", "") in requests(told)
    assert told["entry"][2]["resource"]["appointment"] == [{"reference": "Appointment/a-17"}]
    odd = bundle(record(visit=visit(appointment_id="../Patient/1?x=1")))
    assert [one["resource"]["resourceType"] for one in odd["entry"]] == [
        "Patient",
        "Coverage",
        "Encounter",
        "Provenance",
    ]


def test_a_receiver_without_provenance_gets_none() -> None:
    assert resources(record(), "Provenance", fhir(provenance=False)) == []


def test_a_condition_cannot_be_broken_out_of() -> None:
    told = bundle(record("lượt|1,2$3\\4 &identifier=x#%"))
    condition = told["entry"][2]["request"]["ifNoneExist"]
    assert condition.count("&") == 0
    assert unquote(condition) == r"identifier=urn:tiepdon:visit|lượt\|1\,2\$3\\4 &identifier=x#%"


def test_synthetic_records_are_marked_as_test_data_everywhere() -> None:
    def marks(one: dict) -> list[str]:
        return [tag["code"] for tag in one["resource"].get("meta", {}).get("tag", ())]

    assert all("HTEST" in marks(one) for one in bundle(record())["entry"])
    assert not any("HTEST" in marks(one) for one in bundle(record(synthetic=False))["entry"])


@pytest.mark.parametrize(
    ("identifiers", "person", "card"),
    [
        ("vn_core_hl7", CCCD, BHYT),
        (
            "vn_core_moh",
            "http://fhir.ehealth.gov.vn/core/sid/national_id",
            "http://fhir.ehealth.gov.vn/core/sid/insurance_number",
        ),
    ],
)
def test_each_namespace_has_its_preset(identifiers: str, person: str, card: str) -> None:
    his = fhir(identifiers=identifiers)
    assert resources(record(), "Patient", his)[0]["identifier"][0]["system"] == person
    assert resources(record(), "Coverage", his)[0]["identifier"][0]["system"] == card


@pytest.mark.parametrize("identifiers", ["ironx", "own"])
def test_a_namespace_without_public_names_needs_them_in_the_settings(identifiers: str) -> None:
    with pytest.raises(ValueError, match=r"systems\.personal_id and systems\.insurance"):
        fhir(identifiers=identifiers)
    his = fhir(identifiers=identifiers, systems=OWN_SYSTEMS)
    assert resources(record(), "Patient", his)[0]["identifier"][0]["system"] == "urn:x:cccd"


def test_single_names_and_profiles_are_replaced_by_the_settings() -> None:
    his = fhir(systems={"insurance": "urn:x:bhyt"}, profiles={"Patient": "urn:x:patient"})
    assert resources(record(), "Coverage", his)[0]["identifier"][0]["system"] == "urn:x:bhyt"
    [person] = resources(record(), "Patient", his)
    assert person["identifier"][0]["system"] == CCCD
    assert person["meta"]["profile"] == ["urn:x:patient"]


@pytest.mark.parametrize(
    "differences",
    [
        {"systems": {"insurance": "no uri"}},
        {"systems": {"insurance": "urn:x|y"}},
        {"token_url": "https://his.example/token"},
        {"identifiers": "vn_core_2030"},
    ],
)
def test_settings_that_cannot_work_are_refused(differences: dict) -> None:
    plain = {"connector": "fhir", "name": "his", "base_url": "https://his.example/fhir", **differences}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(plain, FhirDestination)


PAGE = Path("docs/integration/fhir.md")
EXAMPLE = Path("config/examples/destinations/fhir.toml")


def in_lines(value: Any, before: str = "") -> str:
    """JSON in lines: whatever fits into one stands in one."""
    flat = json.dumps(value, ensure_ascii=False)
    if len(before) + len(flat) <= 118 or not isinstance(value, dict | list):
        return flat
    deeper = f"{before} "
    if isinstance(value, dict):
        parts = [f"{json.dumps(name)}: {in_lines(one, deeper)}" for name, one in value.items()]
    else:
        parts = [in_lines(one, deeper) for one in value]
    opened, closed = "{}" if isinstance(value, dict) else "[]"
    return f"{opened}\n{deeper}" + f",\n{deeper}".join(parts) + f"\n{before}{closed}"


def test_the_pages_example_is_what_the_connector_sends() -> None:
    usual = FhirDestination(name="his", base_url="http://127.0.0.1/fhir")
    told = in_lines(bundle(GOLDEN["codes"], usual))
    assert json.loads(told) == bundle(GOLDEN["codes"], usual)
    assert PAGE.read_text("utf-8").partition("```json\n")[2].partition("\n```")[0] == told


def test_the_page_names_every_preset_system() -> None:
    page = PAGE.read_text("utf-8")
    for systems in SYSTEMS.values():
        for kind, system in systems.items():
            assert f"`{kind}`" in page
            assert f"`{system}`" in page or system.startswith("urn:tiepdon:")


def test_the_example_settings_are_good_and_name_every_setting() -> None:
    [his] = load(EXAMPLE).destinations
    assert isinstance(his, FhirDestination)
    assert render(record(), his)
    text = EXAMPLE.read_text("utf-8")
    known = {field.name for field in msgspec.structs.fields(FhirDestination)}
    assert [name for name in known - {"ca_file", "min_interval_seconds"} if name not in text] == []
