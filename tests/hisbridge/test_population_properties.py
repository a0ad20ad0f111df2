"""Whatever comes back: an answer, never an exception; found only where number, name and birth date agree."""

import json
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from hisbridge.http import Answer, Question
from hisbridge.lookups.persons import iso_day, same_day, same_name
from hisbridge.lookups.population import population
from hisbridge.questions import Citizen, CitizenQuestion, Register
from hisbridge.site_time import SiteTime
from hisbridge.xml import element
from tests.hisbridge.gateway import PERSON, as_json, asking, enveloped, population_settings
from wire.codec import from_json, to_json

GOOD = enveloped(PERSON)
NAMES = [
    "CongDan",
    "CongdanCollection",
    "SoDinhDanh",
    "SoCMND",
    "HoVaTen",
    "Ho",
    "ChuDem",
    "Ten",
    "NgayThangNamSinh",
    "Nam",
    "NgayThangNam",
    "GioiTinh",
    "ThuongTru",
    "ChiTiet",
    "Cha",
    "Fault",
    "faultcode",
    "Body",
    "Envelope",
]
TEXTS = [
    "",
    "001303900017",
    "001303900018",
    "Nguyễn Thị Hoài Thử",
    "NGUYEN THI HOAI THU",
    "Thử",
    "20030214",
    "2003",
    "1955",
    "2003-02-14",
    "19550101",
    "2",
    "01",
    "&lt;CongDan>",
    "S:Client",
    " ",
]
LEAVES = st.sampled_from(TEXTS) | st.text(alphabet="0123456789/-aẤĐ ", max_size=12)


def _tree(name: str, content: str | list[str]) -> str:
    return element(name, content if isinstance(content, str) else "".join(content))


ELEMENTS = st.recursive(
    st.builds(_tree, st.sampled_from(NAMES), LEAVES),
    lambda inner: st.builds(_tree, st.sampled_from(NAMES), st.lists(inner, max_size=6)),
    max_leaves=25,
)
# Persons that are nearly right, so that the search reaches what matters.
NUMBER, NAME, BORN = (
    st.sampled_from([f"<{tag}>{text}</{tag}>" for text in texts] + [""])
    for tag, texts in (
        ("SoDinhDanh", ["001303900017", "001303900018", "1303900017", ""]),
        (
            "HoVaTen",
            ["Nguyễn Thị Hoài Thử", "<Ten>NGUYỄN THỊ HOÀI THỬ</Ten>", "<Ho>Nguyễn</Ho>", "NGUYEN THI HOAI THU"],
        ),
        (
            "NgayThangNamSinh",
            ["<NgayThangNam>20030214</NgayThangNam>", "<Nam>2003</Nam>", "<Nam>1955</Nam>", "20030214", "<Nam>x</Nam>"],
        ),
    )
)
PERSONS = st.lists(st.tuples(NUMBER, NAME, BORN, ELEMENTS | st.just("")).map("".join), max_size=3).map(
    lambda found: "".join(element("CongDan", person) for person in found)
)
ENVELOPES = (PERSONS | ELEMENTS).map(lambda inner: element("Envelope", element("Body", inner)).encode())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([name[0].lower() + name[1:] for name in NAMES]), inner, max_size=6)
    ),
    max_leaves=25,
)
NEARLY_JSON = PERSONS.map(lambda found: json.dumps(as_json(found)).encode())
QUESTIONS = st.builds(
    asking,
    full_name=st.sampled_from(["Nguyễn Thị Hoài Thử", "Nguyễn Thị", "A"]),
    birth_date=st.sampled_from(["2003-02-14", "2003", "2003-02", "1955"]),
    previous_id=st.none() | st.just("012345678"),
)
STATUSES = st.sampled_from([200] * 8 + [500, 401, 404, 302, 503])
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)


Ask = Callable[[str, int, bytes, CitizenQuestion, str], Citizen]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Ask over a transport, with a name style, a register that answers with this status and body."""
    folder = tmp_path_factory.mktemp("secret")
    styles = {
        (transport, style): population_settings(folder, 9, transport, name_style=style)
        for transport in ("soap_xroad", "soap_lgsp", "rest_lgsp")
        for style in ("upper", "upper_ascii")
    }

    def ask(transport: str, status: int, body: bytes, question: CitizenQuestion, style: str) -> Citizen:
        def post(asked: Question, _deadline: float) -> Answer:
            return Answer(200, b'{"access_token":"T"}') if asked.url.endswith("/token") else Answer(status, body)

        return population(styles[transport, style], post, SiteTime(420)).ask(question)

    return ask


def check(told: Citizen, question: CitizenQuestion, style: str) -> None:
    assert from_json(to_json(told), Citizen) == told, "every answer is a record that the other side may read"
    if told.verdict is not Register.FOUND:
        assert told.full_name is None
        assert told.residence is None
        return
    assert told.personal_id == question.personal_id
    asked, held = iso_day(question.birth_date), iso_day(told.birth_date or "")
    assert asked is not None
    assert held is not None
    assert same_day(asked, held)
    same = same_name(told.full_name or "", question.full_name)
    assert same or (style == "upper_ascii" and (told.full_name or "").isascii())
    assert same or [difference.field for difference in told.differences][:1] == ["full_name"]


@given(
    ENVELOPES | PERSONS.map(str.encode) | st.binary(), QUESTIONS, STATUSES, st.sampled_from(["upper", "upper_ascii"])
)
@example(enveloped(PERSON), asking(), 200, "upper")
@RELAXED
def test_no_soap_answer_raises_or_finds_somebody_else(
    ask: Ask, body: bytes, question: CitizenQuestion, status: int, style: str
) -> None:
    for transport in ("soap_xroad", "soap_lgsp"):
        check(ask(transport, status, body, question, style), question, style)


@given(
    JSON.map(lambda value: json.dumps(value).encode()) | NEARLY_JSON | st.binary(),
    QUESTIONS,
    STATUSES,
    st.sampled_from(["upper", "upper_ascii"]),
)
@RELAXED
def test_no_rest_answer_raises_or_finds_somebody_else(
    ask: Ask, body: bytes, question: CitizenQuestion, status: int, style: str
) -> None:
    check(ask("rest_lgsp", status, body, question, style), question, style)


@given(st.data())
@RELAXED
def test_an_answer_with_a_byte_changed_never_finds_somebody_else(ask: Ask, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(GOOD) - 1))
    body = GOOD[:at] + data.draw(st.binary(max_size=3)) + GOOD[at + data.draw(st.integers(0, 4)) :]
    question = asking()
    check(ask("soap_xroad", 200, body, question, "upper"), question, "upper")


@given(
    st.text(min_size=1, max_size=200),
    st.text(max_size=12) | st.dates().map(str),
    st.none() | st.text(max_size=14) | st.just("001303900017"),
)
@RELAXED
def test_no_question_raises(ask: Ask, name: str, born: str, number: str | None) -> None:
    question = CitizenQuestion(personal_id=number, full_name=name, birth_date=born)
    told = ask("soap_lgsp", 200, enveloped(""), question, "upper_ascii")
    assert told.verdict in (Register.NOT_FOUND, Register.UNVERIFIED)
