"""What an insurance answer is good for: to be kept for the day, to be asked again, to end the asking. Pure."""

from hisbridge.questions import Act, Coverage, Verdict

NOTHING_KNOWN = "050"  # services.md 1.4: the portal answered; another number may find the card, the same one will not
# Nobody was asked, and nobody will be: the part is switched off, or the question lacks what every question needs.
NEVER_ASKED = frozenset({"portal.disabled", "portal.name_needed", "his_proxy.disabled", "his_proxy.name_needed"})
PASSING = frozenset({Act.WAIT, Act.CALL_ADMINISTRATOR, Act.DECIDE})  # acts on an answer that may be another in an hour
# Reasons of an answer that a person has to judge: nobody is told it a second time without the insurer being asked.
DOUBTFUL = frozenset({"portal.unknown_code", "coverage.card_incomplete", "coverage.contradictory"})


def is_answer(coverage: Coverage) -> bool:
    """Whether the insurer has spoken on this question, so that asking the same again would tell nothing new."""
    if coverage.verdict is Verdict.UNVERIFIED:
        return coverage.result_code == NOTHING_KNOWN or coverage.act is Act.ASK_OTHER_NUMBER
    return coverage.verdict is not Verdict.CONFIGURATION_ERROR


def is_open(coverage: Coverage) -> bool:
    """Whether the question was left open and time alone may answer it: it is to be asked again in the background."""
    return coverage.verdict is Verdict.UNVERIFIED and not is_answer(coverage) and coverage.reason not in NEVER_ASKED


def is_worth_keeping(coverage: Coverage) -> bool:
    """Whether the same question may be given the same answer for the rest of the day."""
    return (
        coverage.verdict not in (Verdict.UNVERIFIED, Verdict.CONFIGURATION_ERROR)
        and coverage.act not in PASSING
        and coverage.reason not in DOUBTFUL
    )
