"""`tiepdon setup-code`: the one-time code by which a new machine fetches its answers: drawn for a scanner, and as an
address to type. Of a file the answers are handed out here, once; of an address they lie on the centre's own server.
"""

import argparse
import secrets
import sys
from io import BytesIO, StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tiepdon.commands.asking import LANGUAGES
from ui.words import Words
from wire.codec import to_json
from wire.errors import TiepDonError

if TYPE_CHECKING:
    from tiepdon.setup.sources import Address

EXIT_FAILED = 1
PORT = 8444
MINUTES = 30.0


class CertificateUnreadable(TiepDonError):
    """The file that should hold the server's certificate holds none."""

    code = "setup.certificate"


class CodeUnwritable(TiepDonError):
    """The drawing cannot be written (`file`, `why`: the system's word for it)."""

    code = "setup.code_unwritable"


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("setup-code", help="the one-time code for a new machine", description=__doc__)
    parser.add_argument(
        "answers", metavar="FILE|https://…", help="answers to hand out here once, or where the centre's server has them"
    )
    here = parser.add_argument_group("a file is handed out")
    here.add_argument(
        "--at",
        type=_place,
        metavar="ADDRESS[:PORT]",
        help=f"of this machine, as the new one reaches it (port: {PORT} unless said)",
    )
    here.add_argument("--minutes", type=float, default=MINUTES, help=f"how long at most (default: {MINUTES:.0f})")
    there = parser.add_argument_group("an address is named")
    there.add_argument("--token", help="what that server answers to, once (default: a new one; tell the server)")
    there.add_argument(
        "--certificate", type=Path, metavar="FILE", help="that server's (PEM), which the code then names"
    )
    parser.add_argument("--svg", type=Path, metavar="FILE", help="draw the code there too, for printing")
    parser.add_argument("--language", choices=LANGUAGES, default="vi", help="of what is said (default: vi)")
    parser.add_argument("--json", action="store_true", help="answer as JSON objects, one a line")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """0 when the code is made and, of a file, taken; 1 when nobody took it in time. Raises SourceUnusable,
    AnswersUnusable, ConfigError, CannotOffer, CertificateUnreadable, CodeUnwritable."""
    words = Words(options.language)
    if "://" not in options.answers:
        return _hand_out(options, words)
    from tiepdon.setup.sources import Address, address_of

    token = options.token or secrets.token_urlsafe(18)
    pin = None if options.certificate is None else _fingerprint(options.certificate)
    # Once through the door it will come in by: what that refuses is no code.
    _show(options, words, address_of(str(Address(options.answers, token, pin))))
    return 0


def _hand_out(options: argparse.Namespace, words: Words) -> int:
    from tiepdon.setup.offering import Offer, offered
    from tiepdon.setup.sources import from_file
    from tiepdon.setup.writing import judge_alone

    if options.at is None:
        sys.stderr.write(words.get("setup.code.where") + "\n")
        return 2
    source = from_file(Path(options.answers))
    judge_alone(source.answers)  # here, where somebody can still mend it
    offer = Offer(Path(options.answers).read_bytes())
    with offered(offer, *options.at) as address:
        _show(options, words, address)
        if not options.json:
            sys.stdout.write(words.get("setup.code.waiting", minutes=f"{options.minutes:g}") + "\n")
            sys.stdout.flush()
        taken = offer.taken.wait(options.minutes * 60)
    if options.json:
        sys.stdout.write(to_json({"taken": taken}).decode() + "\n")
    else:
        sys.stdout.write(words.get("setup.code.taken" if taken else "setup.code.not_taken") + "\n")
    return 0 if taken else EXIT_FAILED


def _show(options: argparse.Namespace, words: Words, address: "Address") -> None:
    """The code, drawn and as text. It holds a secret: the drawing is for its owner alone."""
    import segno

    from wire.durable import put

    code = segno.make(str(address), error="m", micro=False)
    if options.svg is not None:
        drawn = BytesIO()
        code.save(drawn, kind="svg", border=4, scale=8, light="#fff")
        try:
            put(options.svg, drawn.getvalue())
        except OSError as error:
            raise CodeUnwritable(file=str(options.svg), why=error.strerror) from None
    if options.json:
        told = {"address": str(address), "token": address.token, "pin": address.pin.hex() if address.pin else None}
        sys.stdout.write(to_json(told).decode() + "\n")
    else:
        picture = StringIO()
        code.terminal(picture, border=4, compact=True)
        sys.stdout.write(f"{picture.getvalue()}\n{words.get('setup.code.use')}\n{address}\n")
    sys.stdout.flush()


def _fingerprint(file: Path) -> bytes:
    from cryptography import x509

    from tiepdon.setup.offering import fingerprint_of

    try:
        return fingerprint_of(x509.load_pem_x509_certificate(file.read_bytes()))
    except (OSError, ValueError):
        raise CertificateUnreadable(file=str(file)) from None


def _place(text: str) -> tuple[str, int]:
    """Host and port."""
    host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
    if not colon:
        host, port = text, str(PORT)
    if not host or not (port.isascii() and port.isdigit() and int(port) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is no address (192.168.1.20:{PORT})")
    return host.strip("[]"), int(port)
