"""`tiepdon trust`: whom this site trusts to sign chips: take certificates in, look at what is there.

Only asks and prints; what may come in is decided in reader/pki/trust_store.py.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from config.settings import load
from reader.pki import signatures, trust_files, trust_store
from reader.pki.certificates import Certificate
from reader.pki.revocation import RevocationList
from reader.pki.trust import NO_TRUST, Trust, load_trust
from reader.pki.trust_files import Contents
from reader.pki.trust_store import Entry, ListEntry, Report, Wanted
from wire.codec import to_json, to_plain
from wire.errors import TiepDonError

EXIT_DONE, EXIT_NOTHING = 0, 1
SOON = timedelta(days=90)

_IMPORT = """\
Take country signing certificates (CSCA), revocation lists and master lists into the trust folder. FILE is a
certificate or revocation list (DER or PEM, also a bundle), a master list as states publish them, an export of the
ICAO public key directory (LDIF), or a zip with such files.

What lies in the trust folder can make a card genuine, so each kind of file needs its proof:
  certificate      your own word. Compare the fingerprint that is printed with the one its issuer publishes, or give
                   it with --fingerprint; any other certificate is then refused.
  master list      signed by a signer of an authority that is in the folder already, or that you name with
                   --fingerprint after comparing it with what the state publishes by another way than the list. Do
                   not copy it from the list or from this command's message: whoever made the list put it there.
                   --unverified takes a list of an unknown signer in all the same: for a file whose origin you are
                   sure of by other means. A list whose signature is wrong is never taken.
  directory (LDIF) its master lists as above; single certificates in it only with --fingerprint or --unverified.
  revocation list  signed by an authority in the folder, and newer than the one that is there.

Each certificate becomes one file, named after country and fingerprint; what is there already stays as it is.
Link certificates, and expired ones (of cards that are still valid), are kept. --country takes only what is needed.

Exit code: 0 something was taken in or was there already, 1 nothing was, 2 wrong usage or settings."""

_LIST = """\
List the trust folder: authorities (root, link: signed by an older key, signer: a document signer trusted by itself)
and revocation lists. Warnings: expired, expires_soon, self_signature (it does not verify), key_unsupported; of
revocation lists stale, unverified (no authority in the folder signed it)."""


class NoTrustFolder(TiepDonError):
    """No trust folder is given or set."""

    code = "trust.no_folder"


class SourceUnusable(TiepDonError):
    """A file that was to be taken in cannot be read or holds nothing of the kind (`file`, `why`)."""

    code = "trust.source_unusable"


class ListUnproven(TiepDonError):
    """Nobody known signed the master list (`authority` would have to be trusted, `sha256` as the list has it)."""

    code = "trust.list_unproven"


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `trust` and its own commands."""
    trust = subparsers.add_parser("trust", help="the authorities whose chips are proven genuine", description=__doc__)
    commands = trust.add_subparsers(metavar="ACTION", required=True)
    raw = argparse.RawDescriptionHelpFormatter

    take = commands.add_parser("import", help="take certificates in", description=_IMPORT, formatter_class=raw)
    take.add_argument("files", metavar="FILE", nargs="+", type=Path, help="what to take in")
    take.add_argument(
        "--country", metavar="CC", action="append", default=[], help="only this country (VN); may be repeated"
    )
    take.add_argument(
        "--fingerprint",
        metavar="SHA256",
        action="append",
        default=[],
        type=_fingerprint,
        help="an authority that was compared",
    )
    take.add_argument("--unverified", action="store_true", help="take lists in that nobody known signed")
    _common(take)
    take.set_defaults(run=_run_import)

    listing = commands.add_parser("list", help="what is in the folder", description=_LIST, formatter_class=raw)
    listing.add_argument(
        "--country", metavar="CC", action="append", default=[], help="only this country (VN); may be repeated"
    )
    _common(listing)
    listing.set_defaults(run=_run_list)


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--trust", type=Path, metavar="DIR", help="the folder (default: reader.trust_folder)")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the site's settings file")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def _fingerprint(text: str) -> str:
    """A SHA-256 as people copy it: colons, spaces, any case."""
    digits = text.replace(":", "").replace(" ", "").lower()
    if len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
        raise argparse.ArgumentTypeError("a SHA-256 has 64 hexadecimal digits")
    return digits


def _run_import(options: argparse.Namespace) -> int:
    folder = _folder(options)
    contents = _contents(options.files)
    trust = load_trust(folder) if folder.exists() else NO_TRUST
    wanted = Wanted(_countries(options), frozenset(options.fingerprint), options.unverified)
    report = trust_store.take_in(contents, folder, trust, wanted, datetime.now(UTC))
    taken = report.count("added") + report.count("present")
    unproven = next((one for one in report.lists if one.why == "unproven"), None)
    if unproven is not None and not taken:
        raise ListUnproven(authority=unproven.authority, sha256=unproven.authority_sha256)
    if options.json:
        told = {"folder": str(folder), **to_plain(report)}
        sys.stdout.write(to_json(told).decode() + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in _report_lines(folder, report)))
    return EXIT_DONE if taken else EXIT_NOTHING


def _run_list(options: argparse.Namespace) -> int:
    folder = _folder(options)
    trust = load_trust(folder)
    countries, now = _countries(options), datetime.now(UTC)
    authorities = sorted(
        (
            _authority(certificate, now)
            for certificate in (anchor.certificate for anchor in trust.anchors)
            if not countries or certificate.subject.country in countries
        ),
        key=lambda one: (one["country"], one["valid_to"], one["sha256"]),
    )
    lists = [
        _revocation_list(one, trust, now)
        for one in trust.revocations
        if not countries or one.issuer.country in countries
    ]
    if options.json:
        told = {"folder": str(folder), "authorities": authorities, "revocation_lists": lists}
        sys.stdout.write(to_json(told).decode() + "\n")
    else:
        sys.stdout.write("".join(f"{line}\n" for line in _list_lines(folder, authorities, lists)))
    return EXIT_DONE


def _folder(options: argparse.Namespace) -> Path:
    """Raises NoTrustFolder."""
    chosen = str(options.trust or load(options.config).reader.trust_folder)
    if not chosen:
        raise NoTrustFolder
    return Path(chosen)


def _contents(paths: Sequence[Path]) -> Contents:
    """What all the files hold together; nothing is taken in when one of them cannot be read."""
    found = []
    for path in paths:
        try:
            found.append(trust_files.read(path))
        except trust_files.Unreadable as error:
            raise SourceUnusable(file=str(path), why=str(error)) from None
        except OSError as error:
            raise SourceUnusable(file=str(path), why=error.strerror or "unreadable") from None
    return Contents(
        certificates=tuple(der for one in found for der in one.certificates),
        exported=tuple(der for one in found for der in one.exported),
        revocations=tuple(der for one in found for der in one.revocations),
        lists=tuple(der for one in found for der in one.lists),
    )


def _countries(options: argparse.Namespace) -> frozenset[str]:
    return frozenset(country.upper() for country in options.country)


def _authority(certificate: Certificate, now: datetime) -> dict[str, Any]:
    key, explicit, warnings = "?", None, []
    try:
        public = signatures.public_key(certificate.key_info)
        key, explicit = public.name, public.explicit
    except (signatures.Unsupported, ValueError):
        warnings.append("key_unsupported")
    if now > certificate.not_after:
        warnings.append("expired")
    elif now > certificate.not_after - SOON:
        warnings.append("expires_soon")
    if trust_store.self_signed(certificate) is False:
        warnings.append("self_signature")
    return {
        "country": certificate.subject.country,
        "kind": trust_store.kind_of(certificate),
        "subject": certificate.subject.text(),
        "valid_from": certificate.not_before.date().isoformat(),
        "valid_to": certificate.not_after.date().isoformat(),
        "key": key,
        "explicit_parameters": explicit,
        "signature": signatures.algorithm_name(certificate.algorithm),
        "sha256": certificate.fingerprint(),
        "warnings": warnings,
    }


def _revocation_list(one: RevocationList, trust: Trust, now: datetime) -> dict[str, Any]:
    warnings = ["stale"] if one.stale(now) else []
    if trust_store.signer_of(one, trust) is None:
        warnings.append("unverified")
    return {
        "country": one.issuer.country,
        "issuer": one.issuer.text(),
        "issued_at": one.issued_at.date().isoformat(),
        "next_at": None if one.next_at is None else one.next_at.date().isoformat(),
        "age_days": (now - one.issued_at).days,
        "revoked": len(one.revoked),
        "warnings": warnings,
    }


def _report_lines(folder: Path, report: Report) -> list[str]:
    lines = [_list_line(one) for one in report.lists]
    told = [entry for entry in report.entries if entry.state in ("added", "refused")]
    lines += [_entry_line(entry) for entry in sorted(told, key=lambda one: (one.state, one.country))]
    counts = f"{report.count('added')} added, {report.count('present')} already there"
    return [*lines, f"{folder}: {counts}, {report.count('refused')} refused, {report.count('skipped')} passed over"]


def _list_line(one: ListEntry) -> str:
    signed = (one.signed_at or "at an unknown time")[:10]
    state = f"proven: {one.proof}" if one.proof else f"refused: {one.why}"
    return f"master list  {one.certificates} certificates, signed {signed} by {one.signer or '?'}  {state}"


def _entry_line(entry: Entry) -> str:
    why = f"({entry.why})" if entry.why else ""
    expiry = f"{'expired' if entry.expired else 'until'} {entry.expires}" if entry.expires else ""
    columns = (f"{entry.state:<8}", f"{entry.country:<2}", f"{entry.kind:<5}", expiry, why, entry.sha256, entry.subject)
    return "  ".join(column for column in columns if column)


def _list_lines(folder: Path, authorities: list[dict[str, Any]], lists: list[dict[str, Any]]) -> list[str]:
    lines = []
    for one in authorities:
        explicit = " explicit" if one["explicit_parameters"] else ""
        columns = (
            f"{one['country']:<2}  {one['kind']:<6}",
            f"{one['valid_from']}..{one['valid_to']}",
            f"{one['key'] + explicit:<24}  {one['signature']:<14}",
            one["sha256"],
            one["subject"],
            " ".join(f"[{warning}]" for warning in one["warnings"]),
        )
        lines.append("  ".join(columns).rstrip())
    for one in lists:
        told = f"revocation list of {one['issued_at']}, {one['age_days']} days old, {one['revoked']} revoked"
        warnings = " ".join(f"[{warning}]" for warning in one["warnings"])
        lines.append(f"{one['country']:<2}  {told}  {one['issuer']}  {warnings}".rstrip())
    countries = len({one["country"] for one in authorities})
    summary = f"{len(authorities)} certificates of {countries} countries, {len(lists)} revocation lists"
    return [*lines, f"{folder}: {summary}"]
