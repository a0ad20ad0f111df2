"""The short code lists: ethnic groups, nationalities, occupations, reason codes and kinds of visit.

Each is a TOML file beside this one, read when first asked for and kept. A text that is not surely one entry gives no
code: a wrong code is worse than none. Nationalities and occupations go on in a file of the hospital's own.
"""

import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date
from functools import cache
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

from config.settings import ConfigMissing, ConfigSyntax, ConfigWrongType
from wire.codec import Record, learnt

MAX_BYTES = 1 << 20
MAX_TEXT = 200  # characters; no name of a group or a country is near that
_LETTERS = str.maketrans({"đ": "d", "ð": "d"})  # eth is what some systems put for đ

_File = TypeVar("_File", bound=Record)
Text = Annotated[str, Meta(min_length=1, max_length=MAX_TEXT)]


class EthnicGroup(Record, frozen=True, kw_only=True):
    """MA_DANTOC, two digits, with the name of the national list and other names of the same group."""

    code: Annotated[str, Meta(pattern=r"^[0-9]{2}\Z")]
    name: Text
    aliases: tuple[Text, ...] = ()


class Nationality(Record, frozen=True, kw_only=True):
    """MA_QUOCTICH, three digits (not ISO 3166); among the aliases the three letters of passports."""

    code: Annotated[str, Meta(pattern=r"^[0-9]{3}\Z")]
    name: Text
    aliases: tuple[Text, ...] = ()


class Occupation(Record, frozen=True, kw_only=True):
    """One line of the pick-list; `code` (MA_NGHE_NGHIEP, five digits) is None until the hospital maps it."""

    key: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{0,39}\Z")]
    name_vi: Text
    name_en: Text
    code: Annotated[str, Meta(pattern=r"^[0-9]{5}\Z")] | None = None


class ObjectCode(Record, frozen=True, kw_only=True):
    """MA_DOITUONG_KCB: why the person is treated here."""

    code: Annotated[str, Meta(pattern=r"^[0-9]{1,2}(\.[0-9]{1,2})?\Z")]
    name_vi: Text
    name_en: Text


class VisitKind(Record, frozen=True, kw_only=True):
    """MA_LOAI_KCB, two digits."""

    code: Annotated[str, Meta(pattern=r"^[0-9]{2}\Z")]
    name_vi: Text
    name_en: Text


class _EthnicGroups(Record, frozen=True, kw_only=True):
    entries: tuple[EthnicGroup, ...]


class _Nationalities(Record, frozen=True, kw_only=True):
    entries: tuple[Nationality, ...]


class _Occupations(Record, frozen=True, kw_only=True):
    entries: tuple[Occupation, ...]


class _ObjectCodes(Record, frozen=True, kw_only=True):
    entries: tuple[ObjectCode, ...]


class _VisitKinds(Record, frozen=True, kw_only=True):
    in_force_from: date
    entries: tuple[VisitKind, ...]


@cache
def ethnic_groups() -> tuple[EthnicGroup, ...]:
    """All groups in the order of their codes (services.md 6.4)."""
    return _ours("ethnic_groups", _EthnicGroups).entries


def ethnic_group(text: str) -> str | None:
    """The code of the group a card's text names, whatever its accents, hyphens, apostrophes and spaces; else None."""
    return _groups_by_name().get(plain_name(text))


@cache
def nationalities(site_file: Path | None = None) -> tuple[Nationality, ...]:
    """Ours (what is missing: docs/codelists.md), over them those of the hospital's file: the same code replaces ours.

    Raises ConfigMissing, ConfigSyntax or ConfigWrongType for that file. Read once in a process's life.
    """
    ours = _ours("nationalities", _Nationalities).entries
    theirs = _site(site_file, _Nationalities).entries if site_file else ()
    return tuple({entry.code: entry for entry in (*ours, *theirs)}.values())


def nationality(text: str, site_file: Path | None = None) -> str | None:
    """The code of the nationality a card's text or a passport's letters name; None where no list holds it, or where it
    is one state's name and another's letters in capitals (NGA; but Nga is Russia). Raises as `nationalities`."""
    found = _nationalities_by_name(site_file).get(plain_name(text))
    return found if found or text.isupper() else _nationalities_by_own_name(site_file).get(plain_name(text))


@cache
def occupations(site_file: Path | None = None) -> tuple[Occupation, ...]:
    """The pick-list; the hospital's file maps ours (same key) and adds its own. Raises as `nationalities`."""
    ours = _ours("occupations", _Occupations).entries
    theirs = _site(site_file, _Occupations).entries if site_file else ()
    return tuple({entry.key: entry for entry in (*ours, *theirs)}.values())


@cache
def object_codes() -> Mapping[str, ObjectCode]:
    """Reason codes in the order of the decision's table, which is their precedence (services.md 2.7)."""
    return MappingProxyType({entry.code: entry for entry in _ours("object_codes", _ObjectCodes).entries})


@cache
def visit_kinds() -> Mapping[str, VisitKind]:
    """Kinds of visit of the list in force since `visit_kinds_from` (services.md 2.8)."""
    return MappingProxyType({entry.code: entry for entry in _visit_kinds().entries})


def visit_kinds_from() -> date:
    """First day on which `visit_kinds` applies; the list before it is not known to us."""
    return _visit_kinds().in_force_from


def plain_name(text: str) -> str:
    """Letters and digits alone, lower case, without accents: what two spellings of one name share."""
    if len(text) > MAX_TEXT:
        return ""
    apart = unicodedata.normalize("NFD", unicodedata.normalize("NFC", text).casefold().translate(_LETTERS))
    return "".join(letter for letter in apart if letter.isalnum())


@cache
def _visit_kinds() -> _VisitKinds:
    return _ours("visit_kinds", _VisitKinds)


@cache
def _groups_by_name() -> Mapping[str, str]:
    return _by_name((group.code, (group.name, *group.aliases)) for group in ethnic_groups())


@cache
def _nationalities_by_name(site_file: Path | None) -> Mapping[str, str]:
    return _by_name((entry.code, (entry.name, *entry.aliases)) for entry in nationalities(site_file))


@cache
def _nationalities_by_own_name(site_file: Path | None) -> Mapping[str, str]:
    return _by_name((entry.code, (entry.name,)) for entry in nationalities(site_file))


def _by_name(entries: Iterable[tuple[str, tuple[str, ...]]]) -> Mapping[str, str]:
    """Plain name to code; a name that two entries share names neither."""
    found: dict[str, str | None] = {}
    for code, names in entries:
        for name in {plain_name(name) for name in names}:
            found[name] = code if found.get(name, code) == code else None
    return MappingProxyType({name: code for name, code in found.items() if code is not None and name})


def _ours(name: str, kind: type[_File]) -> _File:
    return _read(resources.files("config.codelists").joinpath(f"{name}.toml").read_bytes(), f"{name}.toml", kind)


def _site(path: Path, kind: type[_File]) -> _File:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigMissing(file=str(path), why=error.strerror or "unreadable") from None
    if len(content) > MAX_BYTES:
        raise ConfigSyntax(file=str(path), why="too large for a code list")
    return _read(content, str(path), kind)


def _read(content: bytes, file: str, kind: type[_File]) -> _File:
    try:
        tree = tomllib.loads(content.decode("utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigSyntax(file=file, why=str(error)) from None
    try:
        return msgspec.convert(tree, learnt(kind))
    except msgspec.ValidationError as error:
        why, _, where = str(error).partition(" - at `$")
        raise ConfigWrongType(file=file, key=where.rstrip("`").lstrip("."), why=why) from None
