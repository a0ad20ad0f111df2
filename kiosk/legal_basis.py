"""For what data of persons is used, on which legal basis; which consent was given to which text, and taken back.

A purpose that the law or a contract carries needs no consent (Law 91/2025/QH15, article 19); every other one does,
for itself alone, and whoever uses data has to prove it (articles 9 to 11; Decree 356/2025/NĐ-CP, article 6): kept are
the text's version and hash, its language, when and where it was given, the person by a keyed reference. Rows are only
ever added: who withdraws adds one. Must not import Flask, a device library or a connector.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from config.front import ConsentSettings
from config.settings import Settings
from kiosk.clock import moment
from kiosk.states import Consent
from wire import chain, sqlite
from wire.codec import Record
from wire.errors import TiepDonError

KIOSK, COUNTER = "kiosk", "counter"  # channels

_GIVE = """
INSERT INTO consents (act, purpose, basis, person, ticket_id, visit_id, version, text_hash, language, channel,
                      given_at, by)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_OF = "SELECT * FROM consents WHERE person = ? ORDER BY id"
_LAST_BASES = """
SELECT purpose, basis, source, version, text_hash FROM legal_bases
WHERE id IN (SELECT max(id) FROM legal_bases GROUP BY purpose)
"""
_BASIS = "INSERT INTO legal_bases (purpose, basis, source, version, text_hash, since) VALUES (?, ?, ?, ?, ?, ?)"


class Basis(StrEnum):
    """Why a purpose is lawful (Law 91/2025/QH15, articles 9 and 19)."""

    LAW = "law"  # an obligation or a task that a law gives
    CONTRACT = "contract"  # what the person came for
    CONSENT = "consent"
    NONE_NEEDED = "no_personal_data"


class Purpose(StrEnum):
    """For what something is kept."""

    CHECK_IN = "check_in"
    INSURANCE = "insurance_check"
    POPULATION = "population_look_up"
    QUEUE = "queue"
    OPTIONAL = "optional_uses"
    STATISTICS = "statistics"
    RIGHTS = "rights_of_persons"
    SECURITY = "security"
    STAFF = "staff"
    OPERATION = "operation"


@dataclass(frozen=True)
class Ground:
    """A purpose's basis and where it stands; counsel of the site confirms the article numbers (docs/privacy.md)."""

    basis: Basis
    source: str
    text: str


GROUNDS: dict[Purpose, Ground] = {
    Purpose.CHECK_IN: Ground(
        Basis.CONTRACT,
        "Law 91/2025/QH15 art. 19; Law 15/2023/QH15 art. 10, 69; Decree 102/2025/NĐ-CP",
        "Register who came for care and hand the administrative record over to the hospital's system.",
    ),
    Purpose.INSURANCE: Ground(
        Basis.LAW,
        "Law 91/2025/QH15 art. 19; Law on health insurance; Decision 3276/QĐ-BYT",
        "Ask the insurance assessment portal whether the person is insured, as reception has to.",
    ),
    Purpose.POPULATION: Ground(
        Basis.LAW,
        "Law 91/2025/QH15 art. 19 (task of a state agency); Law on identification",
        "Compare the card with the national population database where a procedure asks for it.",
    ),
    Purpose.QUEUE: Ground(
        Basis.CONTRACT,
        "Law 91/2025/QH15 art. 19",
        "Call people in their order, by number.",
    ),
    Purpose.OPTIONAL: Ground(
        Basis.CONSENT,
        "Law 91/2025/QH15 art. 9 to 11; Decree 356/2025/NĐ-CP art. 6",
        "What a site asks consent for on the touchscreen, by its own text.",
    ),
    Purpose.STATISTICS: Ground(
        Basis.NONE_NEEDED,
        "Law 91/2025/QH15 (data that name nobody)",
        "Counts by day, small ones hidden; made before the persons go.",
    ),
    Purpose.RIGHTS: Ground(
        Basis.LAW,
        "Decree 356/2025/NĐ-CP art. 5, 6",
        "Prove consents, answer what persons ask for in time, keep the erased erased.",
    ),
    Purpose.SECURITY: Ground(
        Basis.LAW,
        "Law 116/2025/QH15; TCVN 14423:2026 (log retention); Decree 356/2025/NĐ-CP art. 29",
        "Know who saw and did what, and who signed in from where.",
    ),
    Purpose.STAFF: Ground(
        Basis.CONTRACT,
        "Law 91/2025/QH15 art. 19; TT 12/2026/TT-BTC art. 16 (no shared accounts at the portal)",
        "Accounts of those who work here.",
    ),
    Purpose.OPERATION: Ground(
        Basis.NONE_NEEDED,
        "Law 91/2025/QH15 (data that name nobody)",
        "What machines need to work: settings of the moment, counters, enrolled machines.",
    ),
}


class NoSuchConsent(TiepDonError):
    """The person has given no consent for this purpose that could be taken back."""

    code = "consent.unknown"


class Told(Record, frozen=True, kw_only=True):
    """One consent given or withdrawn. `at`: RFC 3339; `text_hash`: SHA-256, hex, of the text that was shown."""

    act: str
    purpose: str
    basis: str
    version: str
    text_hash: str
    language: str
    channel: str
    at: str
    by: str


def text_of(consent: ConsentSettings, language: str) -> str:
    """The text that was shown in a language (`ui.screens.consent_shown` says in which it really was)."""
    texts = {**consent.texts, "vi": consent.text_vi, "en": consent.text_en}
    return " ".join(texts.get(language, "").split())


def text_hash(text: str) -> str:
    """SHA-256 of a text, hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def give(
    connection: sqlite.Connection,
    consent: Consent,
    text: str,
    personal_id: str | None,
    ticket_id: str,
    visit_id: str | None,
    at: str,
) -> None:
    """A consent was given at the kiosk, to this text. Inside the check-in's own transaction. `at`: RFC 3339."""
    person = chain.reference(connection, personal_id or visit_id or ticket_id)
    shown = (consent.version, text_hash(text), consent.language, KIOSK, at, "")
    connection.execute(
        _GIVE, ("given", Purpose.OPTIONAL.value, Basis.CONSENT.value, person, ticket_id, visit_id, *shown)
    )


def withdraw(connection: sqlite.Connection, personal_id: str, by: str, now: datetime) -> Told:
    """A person takes their consent back: noted at once, and what rested on it alone ends. Inside the caller's
    transaction. Raises NoSuchConsent."""
    given = consents_of(connection, personal_id)
    if not given or given[-1].act == "withdrawn":
        raise NoSuchConsent
    last, person = given[-1], chain.reference(connection, personal_id)
    shown = (last.version, last.text_hash, last.language, COUNTER, moment(now), by)
    connection.execute(_GIVE, ("withdrawn", last.purpose, last.basis, person, None, None, *shown))
    chain.note(connection, "consent.withdrawn", by, person, now, {"purpose": last.purpose, "version": last.version})
    return consents_of(connection, personal_id)[-1]


def consents_of(connection: sqlite.Connection, personal_id: str) -> list[Told]:
    """What a person gave and took back, oldest first."""
    rows = connection.execute(_OF, (chain.reference(connection, personal_id),)).fetchall()
    names = ("act", "purpose", "basis", "version", "text_hash", "language", "channel", "by")
    return [Told(at=row["given_at"], **{name: row[name] for name in names}) for row in rows]


def note_bases(connection: sqlite.Connection, settings: Settings, now: datetime) -> Sequence[Purpose]:
    """Keep on which basis each purpose stands, where it is another than before; returns those. Own text of the site's
    consent included, so that each version's words can be proven. Inside the caller's transaction."""
    known = {row["purpose"]: tuple(row)[1:] for row in connection.execute(_LAST_BASES)}
    changed = []
    for purpose, ground in GROUNDS.items():
        text, version = ground.text, "1"
        if purpose is Purpose.OPTIONAL:
            consent = settings.kiosk.consent
            version = consent.version if consent.enabled else ""
            text = "\n".join((consent.text_vi, consent.text_en)) if consent.enabled else ""
        row = (ground.basis.value, ground.source, version, text_hash(text))
        if known.get(purpose.value) != row:
            connection.execute(_BASIS, (purpose.value, *row, moment(now)))
            changed.append(purpose)
    return changed
