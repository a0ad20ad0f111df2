"""Hostile records: whatever the PatientRecord's schema lets through, as plain JSON values."""

from hypothesis import strategies as st

from hisbridge.questions import Verdict

hostile_text = st.one_of(
    st.text(max_size=40),
    st.text(alphabet="|^&~\\\r\n\x0b\x1c\x00\"' \x85\u2028ễử\u0301", max_size=30),
    st.just("x" * 64),
    st.just("\\" * 64),
    st.just("ễ\r" * 32),
)
maybe = st.none() | hostile_text
partial_dates = st.from_regex(r"\A[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?\Z")
dates = st.from_regex(r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
moments = st.from_regex(
    r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})\Z"
)
sexes = st.sampled_from(["male", "female", "unknown", None])

patients = st.builds(
    dict,
    personal_id=st.none() | st.from_regex(r"\A[0-9]{12}\Z"),
    local_id=st.none() | st.from_regex(r"\A[0-9A-Za-z._-]{1,64}\Z"),
    full_name=maybe,
    birth_date=st.none() | partial_dates,
    sex=sexes,
    residence=maybe,
    nationality=maybe,
    ethnicity=maybe,
    previous_id=maybe,
    issue_date=st.none() | dates,
    expiry_date=st.none() | dates | st.just("none"),
    phone=maybe,
)
coverages = st.none() | st.builds(
    dict,
    verdict=st.sampled_from([verdict.value for verdict in Verdict]),
    result_code=maybe,
    card_number=maybe,
    social_security_number=maybe,
    valid_from=st.none() | dates,
    valid_to=st.none() | dates,
    registered_facility=maybe,
    asked_at=st.none() | moments,
)
guardians = st.none() | st.builds(
    dict,
    full_name=hostile_text,
    relation=st.sampled_from(["mother", "father", "grandparent", "guardian", "other"]),
    personal_id=st.none() | st.from_regex(r"\A[0-9]{12}\Z"),
    phone=maybe,
)
records = st.builds(
    dict,
    guardian=guardians,
    site=st.builds(
        dict,
        facility_code=st.from_regex(r"\A[0-9A-Z]{0,5}\Z"),
        facility_name=hostile_text,
        kiosk_id=hostile_text,
    ),
    patient=patients,
    visit=st.builds(
        dict,
        visit_id=st.text(min_size=1, max_size=64),
        arrived_at=moments,
        service_code=hostile_text,
        service_name=hostile_text,
        ticket_number=hostile_text,
    ),
    evidence=st.builds(dict, source=st.sampled_from(["chip", "typed", "mrz"]), read_at=moments),
    coverage=coverages,
    synthetic=st.booleans(),
)
