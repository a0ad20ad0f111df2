"""`tiepdon setup` asks on a real terminal: five questions, why an answer cannot be used, what contradicts another."""

from collections.abc import Callable
from pathlib import Path

import pytest

from config.settings import load
from tests.support.pcsc import PcscForTests
from tests.support.setting_up import PASSWORD, House, Typing
from tests.ui.desk_tls import certificate
from tiepdon.setup.certificates import pair_problem
from tiepdon.setup.devices import Found, networks_of
from tiepdon.setup.questions import ask_all
from tiepdon.setup.terminal import GaveUp, Terminal
from ui.words import LANGUAGES, Words, keys
from wire import sqlite

Sit = Callable[..., Typing]
MACHINE = ("1", "kiosk-2", "B")
PORTAL = ("c", "https://127.0.0.1:9", "99999_BV", PASSWORD, "Trần Thị Mẫu", "000088888888")
HOSPITAL = ("2", "127.0.0.1:9")
# The first answer is too short: asked once more.
INTERVIEW = ("9999", "99999", "Trạm y tế Mẫu", *MACHINE, *PORTAL, *HOSPITAL)
WHO = ("hoa", "Mẫu Thị Hoa")


def test_five_questions_make_a_machine_ready(house: House, sit_down: Sit) -> None:
    typing = sit_down()
    code = typing.answer(*INTERVIEW, *WHO)
    told = house.told()
    assert told["site"] == {"facility_code": "99999", "facility_name": "Trạm y tế Mẫu", "kiosk_id": "kiosk-2"}
    assert told["kiosk"]["ticket_prefix"] == "B"
    assert told["portal"]["password_file"] == str(house.secrets / "portal-password")
    assert told["destinations"] == [{"name": "his", "connector": "hl7v2", "host": "127.0.0.1", "port": 9}]
    assert house.files()["portal-password"] == (f"{PASSWORD}\n".encode(), 0o600)
    assert PASSWORD not in typing.screen + house.config.read_text("utf-8")
    assert house.accounts() == [("hoa", "supervisor")]
    assert "/secret#" in typing.screen
    assert load(house.config).paths.key_file == str(house.secrets / "site.key")
    with pytest.raises(sqlite.DatabaseError), sqlite.connect(house.folder / "state" / "tiepdon.db") as connection:
        connection.execute("SELECT count(*) FROM accounts")  # encrypted from the first moment
    assert code == 1  # it ends with the doctor, and no service runs here
    assert "doctor.process_silent" in typing.screen
    assert "doctor.supervisor_chooses" in typing.screen
    assert "doctor.no_supervisor" not in typing.screen


def test_running_it_again_changes_only_what_is_answered(house: House, sit_down: Sit) -> None:
    sit_down().answer(*INTERVIEW, *WHO)
    before, files = house.told(), house.files()
    sit_down("--language", "en").answer(*("", ""), *("", "", "C"), *("", "", "", "", "", ""), "")
    after = house.told()
    assert after["kiosk"].pop("ticket_prefix") == "C"
    assert before["kiosk"].pop("ticket_prefix") == "B"
    assert after == before
    again = house.files()
    assert {name: again[name] for name in ("portal-password", "site.key")} == {
        name: files[name] for name in ("portal-password", "site.key")
    }
    assert again["tiepdon.toml.old"][0] == files["tiepdon.toml"][0]
    assert house.accounts() == [("hoa", "supervisor")]


def test_somebody_who_walks_away_in_the_middle_changes_nothing(house: House, sit_down: Sit) -> None:
    before = house.files()
    typing = sit_down()
    assert typing.answer(*INTERVIEW[:5], None) == 1
    assert "setup.given_up" in typing.screen
    assert Words("vi").error("setup.given_up").cause in typing.screen  # in the language of the questions
    assert "Traceback" not in typing.screen
    assert house.files() == before


def test_somebody_who_names_no_supervisor_is_told_that_the_settings_are_written(house: House, sit_down: Sit) -> None:
    typing = sit_down("--language", "en")
    assert typing.answer(*INTERVIEW, None) == 1
    assert "setup.step_failed" in typing.screen
    assert "setup.given_up" not in typing.screen
    assert house.told()["site"]["facility_code"] == "99999"
    assert sit_down("--language", "en").answer(*[""] * 12, *WHO) == 1  # the doctor: no service runs here
    assert house.accounts() == [("hoa", "supervisor")]


def test_a_reader_that_is_plugged_in_is_proposed_and_taken(
    house: House, sit_down: Sit, pcsc_world: PcscForTests
) -> None:
    typing = sit_down("--language", "en")
    typing.type("99999", "Trạm y tế Mẫu", *MACHINE, "n", "1")
    offered = typing.choose(Words("en").get("setup.device.pcsc_reader"), "1")
    assert pcsc_world.reader in offered
    typing.answer(*WHO)
    assert house.told()["reader"]["pcsc_reader"] == pcsc_world.reader


# ---- What cannot be used, and what contradicts another answer: without a process, every prompt answered from a list


class Sheet:
    """A terminal whose answers are there already; what it shows stays on `screen`."""

    def __init__(self, *answers: str, language: str = "en") -> None:
        self._answers = list(answers)
        self.screen = ""
        self.terminal = Terminal(self._take, self._take, self._write, Words(language))

    def _take(self, prompt: str) -> str:
        self._write(prompt + "\n")
        if not self._answers:
            raise EOFError
        return self._answers.pop(0)

    def _write(self, text: str) -> None:
        self.screen += text


HOUSE = ("99999", "Trạm y tế Mẫu")
NO_PORTAL = "n"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("answers", "key"),
    [
        (("99a99",), "setup.house.code"),
        (("99999", ""), "setup.house.name"),
        ((*HOUSE, "5"), "setup.number"),
        ((*HOUSE, "1", "quầy một"), "setup.machine.id"),
        ((*HOUSE, "1", "k1", "abc"), "setup.machine.prefix"),
        ((*HOUSE, "2", "k1", ""), "setup.machine.own_prefix"),
        ((*HOUSE, "2", "k1", "B", "http://desk.example"), "setup.desk.url"),
        ((*HOUSE, "2", "k1", "B", "https://desk.example:8443", ""), "setup.desk.token"),
        ((*HOUSE, "2", "k1", "B", "https://desk.example:8443", "t", "/nowhere"), "setup.file.desk-ca.pem"),
        ((*HOUSE, "3", "k1", "B", "/nowhere"), "setup.file.desk.pem"),
        ((*HOUSE, "1", "k1", "", "x"), "setup.yes_no"),
        ((*HOUSE, "1", "k1", "", "y", "portal.example"), "setup.portal.url"),
        ((*HOUSE, "1", "k1", "", "y", "https://p.example", ""), "setup.portal.username"),
        ((*HOUSE, "1", "k1", "", "y", "https://p.example", "a", ""), "setup.portal.password"),
        ((*HOUSE, "1", "k1", "", "y", "https://p.example", "a", "b", ""), "setup.portal.officer"),
        ((*HOUSE, "1", "k1", "", "y", "https://p.example", "a", "b", "c", "12"), "setup.portal.officer_id"),
        ((*HOUSE, "1", "k1", "", "n", "2", "his.example:70000"), "setup.hospital.host"),
        ((*HOUSE, "1", "k1", "", "n", "3", "his.example"), "setup.hospital.url"),
        ((*HOUSE, "1", "k1", "", "n", "4", "srv"), "setup.hospital.folder"),
    ],
)
def test_an_answer_that_cannot_be_used_is_told_with_what_is_wanted(
    answers: tuple[str, ...], key: str, language: str
) -> None:
    sheet = Sheet(*answers, language=language)
    with pytest.raises(GaveUp):
        ask_all(sheet.terminal, {}, Found(), frozenset())
    why = sheet.terminal.words.get(f"{key}.wrong", most=4)
    assert f"  ! {why}\n" in sheet.screen
    assert any(
        word in why for word in (", for example ", "ví dụ ", "y for yes", "c (có)", "supervisor", "giám sát")
    ) or (key == "setup.portal.password")


def test_every_question_has_words_for_a_wrong_answer() -> None:
    asked = {key.removesuffix(".wrong") for key in keys("en") if key.startswith("setup.") and key.endswith(".wrong")}
    assert asked <= keys("vi")
    assert len(asked) > 20


def test_a_name_in_another_encoding_is_no_answer_and_no_crash() -> None:
    def rubbish(_: str) -> str:
        raise UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte")

    shown: list[str] = []
    with pytest.raises(GaveUp):
        ask_all(Terminal(rubbish, rubbish, shown.append, Words("vi")), {}, Found(), frozenset())


def test_one_kiosk_of_several_hands_on_to_the_desk_alone() -> None:
    before = {"destinations": [{"name": "his", "connector": "hl7v2", "host": "h", "port": 1}]}
    sheet = Sheet(*HOUSE, "2", "kiosk-2", "B", "https://desk.example:8443", "one-token", "", NO_PORTAL)
    answers = ask_all(sheet.terminal, before, Found(), frozenset())
    (told,) = answers.settings["destinations"]
    assert (told["connector"], told["base_url"]) == ("desk", "https://desk.example:8443")
    assert answers.without == {"his"}
    assert answers.settings["staff"]["listen"] == ""
    assert "his" in sheet.screen  # it is said that it goes


def test_a_kiosk_that_gets_the_staff_s_pages_leaves_the_other_desk() -> None:
    before = {"destinations": [{"name": "hall", "connector": "desk", "base_url": "https://desk.example"}]}
    sheet = Sheet(*HOUSE, "1", "", "", NO_PORTAL, "1")
    answers = ask_all(sheet.terminal, before, Found(), frozenset())
    assert answers.without == {"hall"}
    assert "destinations" not in answers.settings


def test_where_the_hospital_asks_the_portal_nobody_else_does_unless_told() -> None:
    before = {"his_proxy": {"enabled": True}}
    sheet = Sheet(*HOUSE, "1", "", "", "", "1")
    assert ask_all(sheet.terminal, before, Found(), frozenset()).settings["portal"] == {"enabled": False}
    portal = ("y", "https://p.example", "a", "b", "c", "0" * 12)
    sheet = Sheet(*HOUSE, "1", "", "", *portal, "1")
    assert ask_all(sheet.terminal, before, Found(), frozenset()).settings["his_proxy"] == {"enabled": False}


def test_a_certificate_and_a_key_that_do_not_fit_are_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    mine, key = certificate(tmp_path, "desk.example")
    other, _ = certificate(tmp_path / "other", "desk.example")
    sheet = Sheet(
        *HOUSE,
        "4",
        "",
        "",
        str(other),
        str(key),
        str(mine),
        str(key),
        "nowhere",
        "192.168.1.7 10.0.0.0/8",
        NO_PORTAL,
        "1",
    )
    answers = ask_all(sheet.terminal, {}, Found(networks=("192.168.1.0/24",)), frozenset())
    assert Words("en").error("setup.pair").cause in sheet.screen
    assert answers.secrets == {"desk.pem": mine.read_text(), "desk.key": key.read_text()}
    assert answers.clients == ("192.168.1.7", "10.0.0.0/8")
    assert "[192.168.1.0/24]" in sheet.screen
    assert pair_problem("rubbish", None) == "setup.certificate"
    assert pair_problem(None, "rubbish") == "setup.key"
    assert pair_problem(mine.read_text(), key.read_text()) is None


def test_what_still_contradicts_is_told_with_its_cure_before_anything_is_written(house: House, sit_down: Sit) -> None:
    """The site requires a printer and none is chosen: the questions come once more, with the answers in brackets."""
    required = '[kiosk]\nrequired_devices = ["printer"]\nprinter = { kind = "usb", address = "04b8:0e15" }\n'
    house.config.write_text(house.config.read_text("utf-8").replace("[kiosk]\n", required), "utf-8")
    before, words = house.told(), Words("en")
    typing = sit_down("--language", "en")
    typing.type(*HOUSE, *MACHINE, NO_PORTAL, "1")
    typing.choose(words.get("setup.device.printer"), "2")
    typing.type("", "", "", "", "", "", "")
    assert words.error("setup.contradiction").cause in typing.screen
    assert "kiosk.required_devices" in typing.screen
    assert house.told() == before
    typing.choose(words.get("setup.device.printer"), "1")
    typing.answer(*WHO)
    assert house.told()["kiosk"]["printer"] == {"kind": "usb", "address": "04b8:0e15"}
    assert house.told()["site"]["facility_code"] == "99999"


def test_the_networks_of_this_house_are_proposed() -> None:
    told = '[{"dst":"default","dev":"a"},{"dst":"192.168.1.0/24"},{"dst":"169.254.0.0/16"},{"dst":"192.168.1.0/24"}]'
    assert networks_of(told) == ("192.168.1.0/24",)
    assert networks_of("no JSON") == networks_of("") == ()
