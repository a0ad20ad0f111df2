"""How a question is put to the hospital system: named as the settings say, and signed (services.md 3.5).

The signature, exactly, for whoever builds the other side:

- `x-timestamp`: milliseconds since 1970-01-01T00:00Z, decimal digits; made anew for every request.
- The text to sign: the values of `his_proxy.signed_fields` in that order, then the timestamp, all joined by `|`. A
  value is what is sent (date and sex as configured, name in NFC with single spaces), before any URL or JSON encoding;
  a value that is not known (null) counts as empty, its `|` stays. With the default settings, for example
  `000099999999|Nguyễn Văn Thử|1999-01-02|1|1795221900000`.
- `x-sign`: HMAC-SHA256 (RFC 2104) of that text in UTF-8; the key is the bytes of the secret's file without the line
  end; written as 64 lower-case hexadecimal digits.
- `x-merchant-id` goes along unsigned, unless `merchant_id` is named among the signed fields.

GET leaves out what is not known, POST sends null for it. GET puts the person into the address, which servers log:
where the other side allows it, POST is better.
"""

import hashlib
import hmac
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from config.settings import HisProxySettings
from hisbridge.http import Question
from hisbridge.lookups.his_proxy_errors import HisProxyNotConfigured, HisProxySecretExposed, HisProxySecretMissing
from hisbridge.lookups.persons import PartialDay, iso_day, tidy
from hisbridge.lookups.portal_numbers import Number
from hisbridge.questions import CoverageQuestion
from wire.codec import to_json

MAX_SECRET = 1 << 14  # bytes of the secret's file
# Services.md 3.5 names the field (LOAI_GTTT) and not its values: a hospital's own may differ.
ID_KINDS: Mapping[str, str] = {
    "personal_id": "CCCD",
    "social_security_number": "BHXH",
    "card_number": "BHYT",
    "previous_id": "CMND",
}
_HEADER = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?")
_FORMS: Mapping[str, tuple[str, bool]] = {"yyyy-MM-dd": ("-", True), "dd/MM/yyyy": ("/", False), "yyyyMMdd": ("", True)}

Values = Mapping[str, str | None]


def values(
    question: CoverageQuestion, number: Number, settings: HisProxySettings, id_kinds: Mapping[str, str]
) -> Values:
    """All that can be sent, by our names. Raises HisProxyNotConfigured.

    `personal_id` is the number asked about, of the kind `id_kind` says; the other numbers go along where the settings
    name a field for them.
    """
    return {
        "personal_id": number.text,
        "id_kind": _code(id_kinds, number.kind, "his_proxy.id_kinds"),
        "full_name": tidy(question.full_name or "") or None,
        "birth_date": _day(question.birth_date, settings.date_format),
        "sex": None if question.sex is None else _code(settings.sex_codes, question.sex, "his_proxy.sex_codes"),
        "visit_date": _day(question.visit_date, settings.date_format),
        "insurance_number": question.insurance_number,
        "previous_id": question.previous_id,
        "officer_name": tidy(question.officer.full_name) if question.officer else None,
        "officer_id": question.officer.personal_id if question.officer else None,
    }


def signed_question(known: Values, settings: HisProxySettings, milliseconds: int) -> Question:
    """The request, ready to be sent. Raises HisProxyNotConfigured, HisProxySecretMissing, HisProxySecretExposed."""
    if not _HEADER.fullmatch(settings.merchant_id):
        raise HisProxyNotConfigured(key="his_proxy.merchant_id")
    sent = {ours: theirs for ours, theirs in settings.fields.items() if theirs}
    for ours in sent:
        if ours not in known:
            raise HisProxyNotConfigured(key=f"his_proxy.fields.{ours}")
    if "personal_id" not in sent or len(set(sent.values())) != len(sent):
        raise HisProxyNotConfigured(key="his_proxy.fields")
    stamp = str(milliseconds)
    content = {theirs: known[ours] for ours, theirs in sent.items()}
    asking = settings.method == "GET"
    return Question(
        url=_address(settings),
        body=b"" if asking else to_json(content),
        content_type="application/json; charset=utf-8",
        query={name: value for name, value in content.items() if value is not None} if asking else {},
        method=settings.method,
        headers={
            "x-merchant-id": settings.merchant_id,
            "x-timestamp": stamp,
            "x-sign": signature(secret(settings), [*_to_sign(known, sent, settings), stamp]),
        },
    )


def signature(key: bytes, parts: list[str | None]) -> str:
    """HMAC-SHA256 of the parts joined by `|`, None as empty, in lower-case hexadecimal digits."""
    return hmac.new(key, "|".join(part or "" for part in parts).encode(), hashlib.sha256).hexdigest()


def secret(settings: HisProxySettings) -> bytes:
    """The signature's key, read anew each time, so that a changed one needs no restart.

    Others on the machine may not read it; a group may, as systemd hands credentials out that way. Raises
    HisProxySecretMissing, HisProxySecretExposed.
    """
    if not settings.secret_file:
        raise HisProxySecretMissing
    try:
        with Path(settings.secret_file).open("rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o027:
                raise HisProxySecretExposed
            key = file.read(MAX_SECRET).removeprefix(b"\xef\xbb\xbf").rstrip(b"\r\n")
    except (OSError, ValueError):
        raise HisProxySecretMissing from None
    if not key:
        raise HisProxySecretMissing
    return key


def _to_sign(known: Values, sent: Mapping[str, str], settings: HisProxySettings) -> list[str | None]:
    """Only what the other side gets to see can be signed."""
    visible = {**{ours: known[ours] for ours in sent}, "merchant_id": settings.merchant_id}
    for name in settings.signed_fields:
        if name not in visible:
            raise HisProxyNotConfigured(key="his_proxy.signed_fields")
    return [visible[name] for name in settings.signed_fields]


def _address(settings: HisProxySettings) -> str:
    base = settings.base_url.rstrip("/")
    try:
        parts = urlsplit(base)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise HisProxyNotConfigured(key="his_proxy.base_url")
    return f"{base}/{settings.path.lstrip('/')}" if settings.path else base


def _code(codes: Mapping[str, str], name: str, key: str) -> str:
    if name not in codes:
        raise HisProxyNotConfigured(key=f"{key}.{name}")
    return codes[name]


def _day(text: str | None, form: str) -> str | None:
    """A date as configured, as far as it is known: the year alone is written as the year alone."""
    parts: PartialDay | None = iso_day(text or "")
    if parts is None:
        return None
    between, year_first = _FORMS[form]
    written = [f"{parts[0]:04d}", *(f"{part:02d}" for part in parts[1:])]
    return between.join(written if year_first else reversed(written))
