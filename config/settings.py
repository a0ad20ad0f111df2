"""The typed settings: one immutable tree, loaded strictly. An unknown key or a wrong type is an error that names
the key, the file and the cure; nothing is guessed, nothing is ignored.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta

from config.care import (
    BackupSettings,
    HeartbeatSettings,
    LogSettings,
    RetentionSettings,
    StatisticsSettings,
    UpdateSettings,
)
from config.credentials import with_credentials
from config.destinations import DestinationSettings
from config.destinations.base import Seconds
from config.front import (
    BoardSettings,
    ConsentSettings,
    CounterPlace,
    Device,
    DisplaySettings,
    PrinterSettings,
    QueueSettings,
    ServiceSettings,
    StaffSettings,
    VoiceSettings,
)
from config.together import problems
from wire.codec import Record, learnt, to_plain
from wire.database import DatabaseFile
from wire.errors import TiepDonError

SHOWN_INSTEAD = "********"
_IN_ADDRESS = re.compile(r"(?<=://)[^/?#]+(?=@)|(?<=\?)[^#]+")
ACCOUNTS = frozenset({"username", "client_id", "merchant_id"})  # of a destination
MAX_BYTES = 1 << 20
INSTALLED = Path("/etc/tiepdon/tiepdon.toml")


class ConfigError(TiepDonError):
    """A settings file cannot be used. `file`, `key`, `why` and `meant` (the nearest known key) say what to change."""

    code = "config.invalid"


class ConfigMissing(ConfigError):
    """The settings file does not exist or cannot be read."""

    code = "config.missing"


class ConfigSyntax(ConfigError):
    """The settings file is not TOML."""

    code = "config.syntax"


class ConfigUnknownKey(ConfigError):
    """The settings file holds a key that does not exist."""

    code = "config.unknown_key"


class ConfigWrongType(ConfigError):
    """A setting's value has the wrong type or is out of its range."""

    code = "config.wrong_type"


class SiteSettings(Record, frozen=True, kw_only=True):
    facility_code: Annotated[str, Meta(pattern=r"^([0-9A-Z]{5})?\Z")]
    facility_name: Annotated[str, Meta(max_length=255)]  # as much as a record holds
    kiosk_id: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.-]{1,32}\Z")]
    utc_offset_minutes: Annotated[int, Meta(ge=-720, le=840)]
    synthetic: bool


class PathSettings(Record, frozen=True, kw_only=True):
    state: str
    run: str
    key_file: str


class ScannerSettings(Record, frozen=True, kw_only=True):
    device: str
    baud_rate: Annotated[int, Meta(ge=1200, le=4_000_000)]


class KeyboardSettings(Record, frozen=True, kw_only=True):
    """A scanner or a keypad that acts as a keyboard."""

    device: str


class CameraSettings(Record, frozen=True, kw_only=True):
    """`device`: a path, `picamera2` or `picamera2:N`; sizes are what is asked of the camera, in pixels."""

    device: str
    width: Annotated[int, Meta(ge=320, le=4096)] = 1920
    height: Annotated[int, Meta(ge=240, le=4096)] = 1080


class ReaderSettings(Record, frozen=True, kw_only=True):
    pcsc_reader: str
    portrait: bool
    trust_folder: str
    timeout_seconds: Seconds
    scanner: ScannerSettings
    keyboard: KeyboardSettings
    camera: CameraSettings
    second_camera: CameraSettings
    mrz_seconds: Seconds


class KioskSettings(Record, frozen=True, kw_only=True):
    listen: Annotated[str, Meta(pattern=r"^[0-9A-Za-z.:\[\]-]+:[0-9]{1,5}\Z")]
    touchscreen: bool = True
    language: Literal["vi", "en"]
    ticket_prefix: Annotated[str, Meta(pattern=r"^[A-Z0-9-]{0,4}\Z")]
    screen_user: Annotated[str, Meta(pattern=r"^([a-z_][a-z0-9_-]{0,31})?\Z")] = "tiepdon-screen"
    coverage_deadline_seconds: Annotated[float, Meta(ge=0.1, le=30)]
    answer_wait_seconds: Annotated[float, Meta(ge=0, le=8)] = 0.0
    idle_seconds: Seconds
    warning_seconds: Annotated[float, Meta(ge=20, le=600)]
    ticket_seconds: Seconds
    pixels_per_mm: Annotated[float, Meta(ge=2, le=20)] = 6.65
    required_devices: tuple[Device, ...] = ()
    display: DisplaySettings
    voice: VoiceSettings
    consent: ConsentSettings
    printer: PrinterSettings
    services: Annotated[tuple[ServiceSettings, ...], Meta(min_length=1)]


class PortalSettings(Record, frozen=True, kw_only=True):
    enabled: bool
    base_url: str
    token_path: str
    lookup_path: str
    username: str
    password_file: str
    officer_name: str
    officer_id: Annotated[str, Meta(pattern=r"^([0-9]{12})?\Z")]
    ca_file: str
    year_only_retry: bool
    timeout_seconds: Seconds


class HisProxySettings(Record, frozen=True, kw_only=True):
    """A hospital system that asks the portal for us (services.md 3.5). `fields` and `answers`: our name to theirs."""

    enabled: bool
    base_url: str
    path: str
    method: Literal["GET", "POST"]
    merchant_id: str
    secret_file: str
    signed_fields: tuple[str, ...]
    date_format: Literal["yyyy-MM-dd", "dd/MM/yyyy", "yyyyMMdd"]
    sex_codes: dict[str, str]
    answer_sex_codes: dict[str, str]
    id_kinds: dict[str, str]
    ca_file: str
    fields: dict[str, str]
    answers: dict[str, str]
    timeout_seconds: Seconds


class PopulationSettings(Record, frozen=True, kw_only=True):
    """The national population database, by the transport that this province offers (services.md 4.1)."""

    transport: Literal["none", "soap_xroad", "soap_lgsp", "rest_lgsp"]
    base_url: str
    path: str
    token_path: str
    username: str
    password_file: str
    client: str
    officer: str
    agency_code: str
    procedure_code: str
    integration_code: str
    account: str
    phone: str
    operation: Literal["look_up", "verify"]
    verified_fields: Annotated[tuple[str, ...], Meta(min_length=1)]
    soap_action: str
    api_key_file: str
    token_field: Annotated[str, Meta(min_length=1)]
    lifetime_field: Annotated[str, Meta(min_length=1)]
    sex_codes: dict[Literal["male", "female", "unknown"], str]
    rest_fields: dict[str, str]
    rest_extra: dict[str, str]
    name_style: Literal["upper", "upper_ascii"]
    date_format: Literal["yyyyMMdd", "yyyy-MM-dd"]
    ca_file: str
    timeout_seconds: Seconds


class FacilitySettings(Record, frozen=True, kw_only=True):
    """What the law asks of this facility when entitlement is proposed (services.md 2.6, 2.7)."""

    level: Literal["", "primary", "basic", "specialised"]
    points: Annotated[int, Meta(ge=0, le=100)]
    former_level: Literal["", "commune", "district", "province", "central"]


class LookupSettings(Record, frozen=True, kw_only=True):
    """What every look-up outside does under trouble, and for how long its answer counts."""

    retries: Annotated[int, Meta(ge=0, le=3)]
    open_after_errors: Annotated[int, Meta(ge=1, le=20)]
    slow_seconds: Seconds
    retry_offline_seconds: Seconds
    cache_key_file: str
    keep_late_days: Annotated[int, Meta(ge=1, le=366)]
    ask_again_seconds: Seconds
    ask_again_most_seconds: Seconds


class BridgeSettings(Record, frozen=True, kw_only=True):
    poll_seconds: Seconds
    retry_first_seconds: Seconds
    retry_max_seconds: Seconds
    receiver_tries: Annotated[int, Meta(ge=1, le=10_000)]


class Settings(Record, frozen=True, kw_only=True):
    """The whole tree; `config/default.toml` documents every field."""

    site: SiteSettings
    paths: PathSettings
    reader: ReaderSettings
    kiosk: KioskSettings
    queue: QueueSettings
    staff: StaffSettings
    facility: FacilitySettings
    portal: PortalSettings
    his_proxy: HisProxySettings
    population: PopulationSettings
    lookups: LookupSettings
    bridge: BridgeSettings
    retention: RetentionSettings
    backup: BackupSettings
    heartbeat: HeartbeatSettings
    update: UpdateSettings
    log: LogSettings
    statistics: StatisticsSettings
    destinations: tuple[DestinationSettings, ...] = ()


def load(path: Path | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The defaults with the site's file laid over them; files that hold secrets are those that systemd handed over,
    where it did (`environ` says where they lie).

    Raises ConfigMissing, ConfigSyntax, ConfigUnknownKey or ConfigWrongType.
    """
    tree = _parse(resources.files("config").joinpath("default.toml").read_text("utf-8"), "default.toml")
    file = "default.toml"
    if path is not None:
        tree, file = _overlay(tree, _parse(_text(path), str(path))), str(path)
    return _convert(with_credentials(tree, environ), file)


def default_path(environ: Mapping[str, str]) -> Path | None:
    """The site's settings file where none is named: `$TIEPDON_CONFIG`, else the installed one if it exists."""
    if named := environ.get("TIEPDON_CONFIG"):
        return Path(named)
    return INSTALLED if INSTALLED.exists() else None


def masked(settings: Settings) -> dict[str, Any]:
    """The settings as plain data with every secret-bearing value hidden, for showing to people."""
    plain: dict[str, Any] = to_plain(settings)
    hidden = {
        "portal": ("username", "officer_name", "officer_id"),
        "his_proxy": ("merchant_id",),
        "population": ("username", "client", "officer"),
    }
    for section, keys in hidden.items():
        for key in keys:
            if plain[section][key]:
                plain[section][key] = SHOWN_INSTEAD
    for destination in plain["destinations"]:
        destination.update(dict.fromkeys(ACCOUNTS & destination.keys(), SHOWN_INSTEAD))
    shown: dict[str, Any] = _without_accounts(plain)
    return shown


def _without_accounts(plain: Any) -> Any:
    """Without what an address says of an account: before the @, and behind the question mark (RFC 3986, 3.2.1, 3.4)."""
    if isinstance(plain, dict):
        return {key: _without_accounts(value) for key, value in plain.items()}
    if isinstance(plain, list | tuple):
        return [_without_accounts(value) for value in plain]
    return _IN_ADDRESS.sub(SHOWN_INSTEAD, plain) if isinstance(plain, str) and "://" in plain else plain


def socket_path(settings: Settings, process: Literal["reader", "kiosk", "bridge", "desk"]) -> Path:
    """Where a process of ours listens."""
    return Path(settings.paths.run) / f"{process}.sock"


def database_path(settings: Settings) -> Path:
    """Where the one database lies."""
    return Path(settings.paths.state) / "tiepdon.db"


def database_file(settings: Settings) -> DatabaseFile:
    """The one database, and what opens it."""
    key = settings.paths.key_file
    return DatabaseFile(database_path(settings), Path(key) if key else None)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigMissing(file=str(path), why=error.strerror or "unreadable") from None
    if len(content) > MAX_BYTES:
        raise ConfigSyntax(file=str(path), why="too large for a settings file")
    try:
        return content.decode("utf-8-sig")  # editors on Windows begin with a byte order mark
    except UnicodeDecodeError:
        raise ConfigSyntax(file=str(path), why="not UTF-8 text") from None


def _parse(text: str, file: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigSyntax(file=file, why=str(error)) from None
    except RecursionError:
        raise ConfigSyntax(file=file, why="nested too deeply") from None


def _overlay(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        below = merged.get(key)
        merged[key] = _overlay(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _convert(tree: dict[str, Any], file: str) -> Settings:
    try:
        settings = msgspec.convert(tree, learnt(Settings))
    except msgspec.ValidationError as error:
        why, _, where = str(error).partition(" - at `$")
        key = where.rstrip("`").lstrip(".")
        unknown = re.match(r"Object contains unknown field `(.+)`", why, re.DOTALL)
        if unknown is None:
            raise ConfigWrongType(file=file, key=key, why=why) from None
        name = unknown[1]
        near = difflib.get_close_matches(name, _known_names(), n=1)
        dotted = f"{key}.{name}" if key else name
        raise ConfigUnknownKey(file=file, key=dotted, meant=near[0] if near else None) from None
    for key, why in problems(settings):
        raise ConfigWrongType(file=file, key=key, why=why)
    return settings


def _known_names() -> list[str]:
    """Every key of the tree, for naming the nearest one to a misspelling."""
    names: set[str] = set()
    todo: list[Any] = [Settings, ServiceSettings, CounterPlace, BoardSettings, *get_args(DestinationSettings)]
    while todo:
        kind = todo.pop()
        for info in msgspec.structs.fields(kind):
            names.add(info.encode_name)
            if isinstance(info.type, type) and issubclass(info.type, Record):
                todo.append(info.type)
    return sorted(names)
