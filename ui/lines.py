"""One line of plain words each for how the insurance answered and how strongly somebody is proven. Pure; no Flask."""

from dataclasses import dataclass

from hisbridge.questions import Act, Coverage, Verdict
from reader.reading import Checks, Evidence, Outcome, Source
from ui.saying import Saying
from ui.words import Words

# Icon and tone say the same as the words, so that nothing depends on colour alone.
TONES = {
    Verdict.VALID: ("check", "good"),
    Verdict.VALID_NEW_CARD: ("check", "good"),
    Verdict.MANUAL_CHECK: ("person", "care"),
    Verdict.MISMATCH: ("person", "care"),
    Verdict.CHILD_TEMPORARY: ("person", "care"),
    Verdict.NOT_INSURED: ("cross", "care"),
    Verdict.UNVERIFIED: ("clock", "plain"),
    Verdict.CONFIGURATION_ERROR: ("clock", "plain"),
}


@dataclass(frozen=True)
class Line:
    """One line of plain words with its icon; `tone` is `good`, `care`, `plain` or `busy`."""

    text: str
    icon: str
    tone: str


def coverage_line(coverage: Coverage | None, words: Words | Saying, at_the_end: bool = False) -> Line:
    """The insurance answer in plain words; None: still being asked. `at_the_end` it says who goes on with it."""
    if coverage is None:
        return Line(words.get("coverage.pending"), "clock", "busy")
    if coverage.act is Act.ASK_OTHER_NUMBER:
        return Line(words.get("coverage.at_counter" if at_the_end else "coverage.not_found"), "person", "care")
    icon, tone = TONES[coverage.verdict]
    return Line(words.get(f"coverage.{coverage.verdict.value}"), icon, tone)


def proof_line(evidence: Evidence, complete: bool, words: Words | Saying) -> Line:
    """How strongly the identity is proven, never said stronger than it is."""
    match evidence.source:
        case Source.CHIP if not complete:
            return Line(words.get("proof.running"), "clock", "busy")
        case Source.CHIP:
            key, icon, tone = _chip_proof(evidence.checks or Checks())
            return Line(words.get(key), icon, tone)
        case Source.TYPED:
            return Line(words.get("proof.typed"), "person", "plain")
        case Source.MRZ:
            return Line(words.get("proof.mrz"), "person", "plain")
        case Source.CARD_QR | Source.PHONE_QR | Source.INSURANCE_QR:
            return Line(words.get("proof.qr"), "person", "plain")


def _chip_proof(checks: Checks) -> tuple[str, str, str]:
    """Verified means: the data is the state's own (passive authentication, Doc 9303-11, 5.1) and the chip no copy."""
    genuine = (checks.hashes, checks.signature, checks.chain)
    original = (checks.chip_authentication, checks.active_authentication)
    if any(check.result is Outcome.FAILED for check in (checks.access, *genuine, *original, checks.agreement)):
        return "proof.failed", "person", "care"
    passed = Outcome.PASSED
    if all(check.result is passed for check in genuine) and any(check.result is passed for check in original):
        return "proof.verified", "shield", "good"
    return "proof.partial", "shield", "plain"
