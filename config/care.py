"""Settings of what keeps a site well for years: how long data stays, copies, the sign of life, updates, the log."""

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Literal
from urllib.parse import urlsplit

from msgspec import Meta

from config.destinations.base import Seconds
from wire.codec import Record

Days = Annotated[int, Meta(ge=0, le=3660)]


class RetentionSettings(Record, frozen=True, kw_only=True):
    """For how many days after its own day what serves a purpose is kept; then it is removed by the nightly purge.

    services.md 7.1 (purpose limit, Law 91/2025/QH15 art. 3) and 7.2 (log retention).
    """

    visit_days: Days = 1  # records, names, what is searched by, what staff corrected: the hospital holds the record
    undelivered_days: Days = 30  # a record that no destination has taken yet, at most
    audit_days: Annotated[int, Meta(ge=90, le=3660)] = 400  # without persons; level 3 asks for 3 months, 12 are usual
    consent_days: Days = 1095  # the proof that consent was given, without the record
    backup_days: Days = 7  # a copy holds persons for as long
    days_off: Annotated[tuple[date, ...], Meta(max_length=200)] = ()  # Tết and what the government moves, by year


class BackupSettings(Record, frozen=True, kw_only=True):
    """Copies for the day when the disk dies: encrypted to whom they are for (age), never readable by this machine."""

    folder: str = ""  # a mounted USB stick or network folder; empty: none is made
    recipients: tuple[Annotated[str, Meta(pattern=r"^age1[0-9a-z]{50,120}\Z")], ...] = ()
    another_disk: bool = True
    every_hours: Annotated[int, Meta(ge=1, le=168)] = 24
    snapshot_minutes: Annotated[int, Meta(ge=0, le=1440)] = (
        30  # state kept beside the database for a damaged one; 0: none
    )


class HeartbeatSettings(Record, frozen=True, kw_only=True):
    """A sign of life that the bridge sends out, for sites nobody can reach from outside."""

    url: Annotated[str, Meta(pattern=r"^(https?://[^\s]+)?\Z", max_length=2000)] = ""  # empty: none is sent
    token_file: str = ""
    ca_file: str = ""
    seconds: Annotated[int, Meta(ge=30, le=86_400)] = 300
    timeout_seconds: Seconds = 10.0


class UpdateSettings(Record, frozen=True, kw_only=True):
    """Whose signature makes an update ours, and how long a new version has to prove itself."""

    public_keys: tuple[Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/=]{56}\Z")], ...] = ()  # minisign's second line
    url: str = ""  # https folder that holds release.json; empty: only from a folder
    ca_file: str = ""
    ring: Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,32}\Z")] = "all"  # of the release's rings
    health_seconds: Annotated[int, Meta(ge=10, le=3600)] = 120


class LogSettings(Record, frozen=True, kw_only=True):
    """How a line of the log is written."""

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warning"] = "info"


class StatisticsSettings(Record, frozen=True, kw_only=True):
    """What the statistics hide."""

    least: Annotated[int, Meta(ge=3, le=50)] = 5  # a smaller count is not told by itself


def heartbeat_problems(heartbeat: HeartbeatSettings) -> Iterator[tuple[str, str]]:
    """What no single field can tell, as (key, why)."""
    parts = urlsplit(heartbeat.url)
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        yield "heartbeat.url", "https:// beyond this machine: the token would be read on the way"
