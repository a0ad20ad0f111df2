"""The short code lists: what a card's words mean in codes, and when no code is the right answer."""

import subprocess
import sys
import unicodedata
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.codelists import groups
from config.codelists.groups import ethnic_group, ethnic_groups, nationalities, nationality, occupations
from config.settings import ConfigMissing, ConfigSyntax, ConfigWrongType


def test_the_54_groups_and_the_foreigners_are_there_in_order() -> None:
    assert [group.code for group in ethnic_groups()] == [f"{number:02}" for number in range(1, 56)]
    assert len({group.name for group in ethnic_groups()}) == 55


def test_every_group_is_found_by_its_name_and_each_of_its_aliases() -> None:
    for group in ethnic_groups():
        for name in (group.name, *group.aliases):
            assert ethnic_group(name) == group.code, name


def test_no_two_groups_share_a_name_once_accents_are_gone() -> None:
    names = [
        (groups.plain_name(name), group.code) for group in ethnic_groups() for name in (group.name, *group.aliases)
    ]
    owners: dict[str, set[str]] = {}
    for name, code in names:
        owners.setdefault(name, set()).add(code)
    assert [name for name, codes in owners.items() if len(codes) > 1] == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Kinh", "01"),
        ("KINH", "01"),
        ("  kinh ", "01"),
        ("Mông", "08"),
        ("H'Mông", "08"),
        ("H’mông", "08"),
        ("HMÔNG", "08"),
        ("Mèo", "08"),
        ("Mường", "06"),
        ("M'Nông", "20"),
        ("Ê Đê", "12"),
        ("Ê-đê", "12"),
        ("Êđê", "12"),
        ("Ê Ðê", "12"),  # eth for đ
        ("Ede", "12"),
        ("Gia Rai", "10"),
        ("J'rai", "10"),
        ("Ba Na", "13"),
        ("Xơ Đăng", "14"),
        ("Bru - Vân Kiều", "23"),
        ("Bru–Vân Kiều", "23"),
        ("Giẻ Triêng", "27"),
        ("Khơ Me", "05"),
        ("Khmer", "05"),
        ("Khơ Mú", "29"),
        ("Tày", "02"),
        ("Thái", "03"),
        ("Thổ", "24"),
        ("Hoa", "04"),
        ("La Ha", "39"),
        ("La Hủ", "41"),
        ("Lự", "42"),
        ("Lô Lô", "43"),
        ("Co", "30"),
        ("Cống", "48"),
        ("Ơ Đu", "53"),
    ],
)
def test_the_spellings_that_cards_use_mean_the_same_group(text: str, code: str) -> None:
    assert ethnic_group(text) == code
    assert ethnic_group(unicodedata.normalize("NFD", text)) == code


@pytest.mark.parametrize(
    "text", ["", " ", "-", "'", "Mán", "Xá", "Kin", "Kinh Kinh", "Mông (Mèo)", "Không", "01", "Thượng", "x" * 100_000]
)
def test_a_word_that_is_not_surely_one_group_gives_no_code(text: str) -> None:
    assert ethnic_group(text) is None


@settings(deadline=None)
@given(st.text())
def test_any_text_gives_a_code_of_the_list_or_none(text: str) -> None:
    assert ethnic_group(text) in {None, *(group.code for group in ethnic_groups())}
    assert nationality(text) in {None, *(entry.code for entry in nationalities())}


@pytest.mark.parametrize("text", ["Việt Nam", "VIỆT NAM", "Viet Nam", "Vietnam", "VNM"])
def test_viet_nam_is_three_zeros(text: str) -> None:
    assert nationality(text) == "000"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Lào", "193"),
        ("LAO", "193"),
        ("Campuchia", "139"),
        ("KHM", "139"),
        ("Mỹ", "175"),
        ("Hoa Kỳ", "175"),
        ("USA", "175"),
        ("D", "155"),  # as German passports have it
        ("Hàn Quốc", "174"),
        ("Triều Tiên", "277"),
        ("Bờ Biển Ngà", "130"),
        ("Côte d'Ivoire", "130"),
        ("Cộng hòa Dominica", "152"),
        ("Dominica", "151"),
        ("South Sudan", "222"),
        ("Guinea", "170"),
    ],
)
def test_a_nationality_is_found_by_its_names_and_by_the_letters_of_passports(text: str, code: str) -> None:
    assert nationality(text) == code


def test_every_nationality_is_found_by_each_of_its_names_and_no_two_share_one() -> None:
    assert len({entry.code for entry in nationalities()}) == len(nationalities()) == 190
    for entry in nationalities():
        for name in (entry.name, *entry.aliases):
            assert nationality(name) == entry.code or name == "NGA", name


def test_a_name_that_is_another_states_letters_is_told_from_them_by_its_capitals() -> None:
    assert nationality("Nga") == nationality("Liên bang Nga") == nationality("RUS") == "231"
    assert nationality("nga") == "231"
    assert nationality("NGA") is None
    assert nationality("Nigeria") == "230"


@pytest.mark.parametrize("text", ["Đài Loan", "Hồng Kông", "Palestine", "Gruzia", "Cô-oét", "Síp", "Liên Xô", "Congo"])
def test_a_country_whose_code_nobody_could_confirm_gives_none(text: str) -> None:
    assert nationality(text) is None


def test_the_hospitals_file_adds_nationalities_and_corrects_ours(tmp_path: Path) -> None:
    file = tmp_path / "nationalities.toml"
    file.write_text(
        'entries = [{ code = "999", name = "Nước Mẫu" }, { code = "000", name = "Việt Nam", aliases = ["VN"] }]\n',
        "utf-8-sig",
    )
    assert nationality("nuoc mau", file) == "999"
    assert nationality("VN", file) == "000"
    assert nationality("VNM", file) is None
    assert [entry.code for entry in nationalities(file)] == [*(entry.code for entry in nationalities()), "999"]
    assert nationality("nuoc mau") is None


def test_one_name_for_two_codes_in_a_hospitals_file_names_neither(tmp_path: Path) -> None:
    file = tmp_path / "nationalities.toml"
    file.write_text(
        'entries = [{ code = "998", name = "Mẫu" }, { code = "999", name = "Mau" }, { code = "997", name = "mẫu" }]\n'
    )
    assert nationality("Mẫu", file) is None


def test_a_hospital_maps_an_occupation_by_its_key(tmp_path: Path) -> None:
    file = tmp_path / "occupations.toml"
    file.write_text(
        'entries = [{ key = "farmer", code = "60000", name_vi = "Nông dân", name_en = "Farmer" }]\n', "utf-8"
    )
    ours = {entry.key: entry.code for entry in occupations()}
    assert ours["none"] == "00000"
    assert [key for key, code in ours.items() if code is None] == [key for key in ours if key != "none"]
    assert {entry.key: entry.code for entry in occupations(file)} == {**ours, "farmer": "60000"}


def test_a_hospitals_file_that_is_wrong_says_where(tmp_path: Path) -> None:
    with pytest.raises(ConfigMissing):
        nationalities(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("entries = [")
    with pytest.raises(ConfigSyntax):
        nationalities(broken)
    latin = tmp_path / "latin.toml"
    latin.write_bytes(b'entries = [{ code = "999", name = "M\xe2u" }]')
    with pytest.raises(ConfigSyntax):
        nationalities(latin)
    wrong = tmp_path / "wrong.toml"
    wrong.write_text('entries = [{ code = "VN", name = "Mẫu" }]', "utf-8")
    with pytest.raises(ConfigWrongType) as caught:
        nationalities(wrong)
    assert caught.value.data["key"] == "entries[0].code"
    unknown = tmp_path / "unknown.toml"
    unknown.write_text('entries = [{ key = "a", name_vi = "A", name_en = "A", kode = "1" }]')
    with pytest.raises(ConfigWrongType):
        occupations(unknown)


def test_the_reason_codes_stand_in_the_order_of_the_decision() -> None:
    assert " ".join(groups.object_codes()) == (
        "1.1 1.2 1.3 1.4 1.5 1.6 1.7 1.11 1.12 1.13 1.14 1.15 1.16 1.17 1.18 2 3.1 3.2 3.3 3.6 7 7.2 7.3 7.4 10 8 9"
    )


def test_the_kinds_of_visit_are_those_in_force_since_august_2026() -> None:
    assert list(groups.visit_kinds()) == [f"{number:02}" for number in range(1, 17)]
    assert groups.visit_kinds_from() == date(2026, 8, 1)


def test_the_lists_are_read_only_when_asked_for() -> None:
    watched = (
        "import sys, config.codelists.groups as g\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == 'open' else None)\n"
        "g.ethnic_group('Kinh'); g.ethnic_group('Tày')\n"
        "print([name.rpartition('/')[2] for name in opened if name.endswith('.toml')])\n"
    )
    done = subprocess.run([sys.executable, "-c", watched], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['ethnic_groups.toml']"
