"""Services, counters and boards name each other in the settings; whatever cannot work is told where it stands."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from config.front import (
    RECEPTION,
    BoardSettings,
    ConsentSettings,
    CounterPlace,
    QueueSettings,
    ServiceSettings,
    consent_problems,
    front_problems,
)
from config.settings import ConfigWrongType, load
from wire.codec import from_plain
from wire.errors import MalformedMessage


def service(code: str, **changed: object) -> ServiceSettings:
    return from_plain({"code": code, "name_vi": code, "name_en": code, **changed}, ServiceSettings)


def counter(code: str, *queues: str) -> CounterPlace:
    return CounterPlace(code=code, name_vi=code, name_en=code, queues=queues)


def queue(*counters: CounterPlace, boards: Sequence[BoardSettings] = ()) -> QueueSettings:
    return msgspec.structs.replace(load().queue, counters=counters, boards=tuple(boards))


def problems(services: Sequence[ServiceSettings], told: QueueSettings | None = None) -> list[tuple[str, str]]:
    return list(front_problems(services, told or queue()))


def test_the_default_and_an_ordinary_house_are_in_order() -> None:
    assert problems(load().kiosk.services, load().queue) == []
    house = queue(counter("1", RECEPTION), counter("2", "KB"), boards=[BoardSettings(name="hall", counters=("1", "2"))])
    assert problems([service("KB"), service("XN", number_prefix="X")], house) == []


@pytest.mark.parametrize(
    ("services", "told", "found"),
    [
        ([service("KB"), service("KB")], queue(), ("kiosk.services[0].code", "code used twice")),
        (
            [service("KB", first_number=9, last_number=1)],
            queue(),
            ("kiosk.services[0].last_number", "smaller than first_number"),
        ),
        ([service("KB", offered=False)], queue(), ("kiosk.services", "none is offered")),
        (
            [service("KB")],
            queue(counter("1", "KB"), counter("1", "KB")),
            ("queue.counters[1].code", "code used twice"),
        ),
        ([service("KB")], queue(counter("1", "KB", "XN")), ("queue.counters[0].queues", "no such service: XN")),
        ([service("KB")], queue(counter("1", "KB", "KB")), ("queue.counters[0].queues", "queue named twice")),
        (
            [service("KB"), service("XN", number_prefix="X")],
            queue(counter("1", "KB")),
            ("kiosk.services[1].code", "no counter calls from it, and none from RECEPTION"),
        ),
        (
            [service("KB")],
            queue(boards=[BoardSettings(name="hall", counters=("7",))]),
            ("queue.boards[0].counters", "no such counter: 7"),
        ),
        (
            [service("KB")],
            queue(boards=[BoardSettings(name="hall"), BoardSettings(name="hall")]),
            ("queue.boards[1].name", "name used twice"),
        ),
        (
            [service("KB")],
            queue(boards=[BoardSettings(name="enter")]),
            ("queue.boards[0].name", "enter: there a board is given its code"),
        ),
    ],
)
def test_what_cannot_work_is_told_where_it_stands(
    services: list[ServiceSettings], told: QueueSettings, found: tuple[str, str]
) -> None:
    assert found in problems(services, told)


@pytest.mark.parametrize(
    ("ranges", "fine"),
    [
        ([(1, 99), (100, 199)], True),
        ([(1, 99), (1, 99)], True),  # one range for two services
        ([(1, 99), (99, 199)], False),
        ([(1, 9999), (500, 600)], False),
        ([(500, 600), (1, 9999)], False),
        ([(1, 999), (1, 9), (500, 600)], False),
    ],
)
def test_ranges_of_numbers_are_shared_whole_or_not_at_all(ranges: list[tuple[int, int]], fine: bool) -> None:
    services = [service(f"S{at}", first_number=first, last_number=last) for at, (first, last) in enumerate(ranges)]
    assert (problems(services) == []) is fine
    apart = [msgspec.structs.replace(one, number_prefix="ABC"[at]) for at, one in enumerate(services)]
    assert problems(apart) == []


@pytest.mark.parametrize("code", ["", "kb", "RECEPTION", "K-B", "K\n"])
def test_a_services_code_is_short_and_plain_and_never_reception(code: str) -> None:
    with pytest.raises(MalformedMessage):
        service(code)


def test_the_example_for_technicians_is_in_order(tmp_path: Path) -> None:
    text = Path("docs/operations.md").read_text(encoding="utf-8")
    example = text.split("## Services, counters")[1].split("```")[1]
    (tmp_path / "site.toml").write_text(example, encoding="utf-8")
    settings = load(tmp_path / "site.toml")
    assert (len(settings.kiosk.services), len(settings.queue.counters)) == (3, 4)


WHOLE = ConsentSettings(enabled=True, version="1", text_vi="Máy đọc thẻ của bạn.", text_en="Your card is read.")


@pytest.mark.parametrize(
    ("changed", "languages", "keys"),
    [
        ({}, ("vi", "en"), []),
        ({"enabled": False, "version": "", "text_vi": "", "text_en": ""}, ("vi", "en"), []),
        ({"version": " "}, ("vi", "en"), ["version"]),
        ({"text_vi": ""}, ("vi", "en"), ["text_vi"]),
        ({"text_en": "\n"}, ("vi", "en"), ["text_en"]),
        ({"text_en": ""}, ("vi", "km"), []),
        ({"text_vi": ""}, ("en", "rad"), ["text_vi"]),
    ],
)
def test_a_consent_that_is_asked_for_is_whole(
    changed: dict[str, object], languages: Sequence[str], keys: list[str]
) -> None:
    consent = msgspec.structs.replace(WHOLE, **changed)
    assert [key for key, _ in consent_problems(consent, languages)] == [f"kiosk.consent.{key}" for key in keys]


def test_a_half_consent_is_refused_with_its_key(tmp_path: Path) -> None:
    file = tmp_path / "tiepdon.toml"
    file.write_text('[kiosk.consent]\nenabled = true\nversion = "1"\n', "utf-8")
    with pytest.raises(ConfigWrongType) as refused:
        load(file)
    assert refused.value.data["key"] == "kiosk.consent.text_vi"
    assert refused.value.code == "config.wrong_type"
