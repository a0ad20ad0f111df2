"""Synthetic records for measuring what the bridge does with them: any number of persons, all they can carry."""

import uuid

from hisbridge.questions import Coverage, Verdict
from hisbridge.records import Arrival, Patient, PatientRecord, Proof, ProofCheck, Site

_SITE = Site(facility_code="99999", facility_name="Bệnh viện Mẫu", kiosk_id="kiosk-1")
_EVIDENCE = Proof(
    source="chip",
    read_at="2026-11-21T07:44:58+07:00",
    checks={
        "access": ProofCheck(result="passed", protocol="PACE", algorithm="PACE-ECDH-GM-AES-CBC-CMAC-128"),
        "passive_authentication": ProofCheck(result="passed"),
        "chip_authentication": ProofCheck(result="passed", protocol="CA"),
    },
)


def patient_record(number: int, person: int | None = None) -> PatientRecord:
    """The record of a visit of its own; `person` chooses whose, each their own without it (0 to 99,999)."""
    whose = number if person is None else person
    return PatientRecord(
        site=_SITE,
        patient=Patient(
            personal_id=f"001303{900000 + whose:06d}",
            full_name="Nguyễn Thị Hoài Thử",
            birth_date="2003-02-14",
            sex="female",
            residence="Số 1 Đường Mẫu, Phường Mẫu, Quận Thử, Hà Nội",
            nationality="Việt Nam",
            ethnicity="Kinh",
            previous_id="000000000",
            issue_date="2021-05-20",
            expiry_date="2028-02-14",
            phone="0000000000",
        ),
        visit=Arrival(
            visit_id=uuid.UUID(int=number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128)).hex,
            arrived_at="2026-11-21T07:45:00+07:00",
            service_code="KB",
            service_name="Khám bệnh",
            ticket_number=f"{number % 10000:04d}",
        ),
        evidence=_EVIDENCE,
        coverage=Coverage(
            verdict=Verdict.VALID,
            result_code="000",
            card_number="GD4000000000017",
            social_security_number="0000000017",
            valid_from="2026-01-01",
            valid_to="2026-12-31",
            registered_facility="99999",
            asked_at="2026-11-21T07:44:59+07:00",
            asked_by="kiosk-1",
        ),
        synthetic=True,
    )
