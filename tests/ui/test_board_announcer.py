"""Whatever the counters do and however long it takes to say: one speech at a time, no call lost, none too often."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

SCRIPT = Path(__file__).parents[2] / "ui/static/announcer.js"
FRESH = 60
WINDOW = 300  # so long the server tells a call

# Plays a hall on a clock of its own: what is said takes as long as it is told to, and nothing waits in truth.
PLAY = """async ({ steps, options, lasts }) => {
  const log = [];
  let clock = 0, speaking = 0, now = null, kept = [];
  const settle = async () => { for (let turn = 0; turn < 30; turn += 1) await null; };
  const say = (call, round, many) => new Promise((done) => {
    log.push({ sequence: call.sequence, round, begin: clock, beside: speaking, many });
    speaking += 1;
    now = { done, until: clock + lasts[log.length % lasts.length] };
  });
  const make = () => announcer({ ...options, say, now: () => clock, known: kept, remember: (calls) => (kept = calls) });
  const until = async (moment) => {
    while (now && now.until <= moment) {
      const ended = now;
      clock = ended.until; now = null; speaking -= 1;
      ended.done(true);
      await settle();
    }
    clock = Math.max(clock, moment);
  };
  let board = make();
  for (const step of steps) {
    await until(step.at);
    if (step.reload) { now = null; speaking = 0; board = make(); }
    if (step.calls) board.offer(step.calls);
    await settle();
  }
  while (now) await until(now.until);
  return log;
}"""


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    context = chromium.new_context()
    opened = context.new_page()
    opened.add_script_tag(path=SCRIPT)
    yield opened
    context.close()


@dataclass
class Morning:
    """What a server tells of calls: each ticket's newest, those that were not answered or taken back."""

    at: int = 0
    sequence: int = 0
    calls: dict[int, tuple[int, int]] = field(default_factory=dict)  # by ticket: sequence, moment
    steps: list[dict[str, Any]] = field(default_factory=list)
    away: bool = False
    made: dict[int, int] = field(default_factory=dict)  # sequence: moment

    def do(self, wait: int, what: str, ticket: int) -> None:
        self.at += wait
        if what == "call":
            self.sequence += 1
            self.calls[ticket] = (self.sequence, self.at)
            self.made[self.sequence] = self.at
        elif what == "over":
            self.calls.pop(ticket, None)
        elif what in ("away", "back"):
            self.away = what == "away"
        if not self.away:
            self.steps.append({"at": self.at, "reload": what == "reload", "calls": self._told()})

    def _told(self) -> list[dict[str, int]]:
        recent = sorted(call for call in self.calls.values() if self.at - call[1] <= WINDOW)
        return [{"sequence": sequence, "at": at} for sequence, at in recent]

    def told_at(self, sequence: int) -> list[int]:
        """When the page was told of this call."""
        return [step["at"] for step in self.steps if any(call["sequence"] == sequence for call in step["calls"])]


ACTS = st.sampled_from(["call"] * 6 + ["over", "over", "away", "back", "back", "reload"])
STEPS = st.lists(st.tuples(st.integers(0, 40), ACTS, st.integers(1, 6)), min_size=1, max_size=25)


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, lasts=st.lists(st.integers(1, 30), min_size=1, max_size=5), times=st.integers(0, 3))
def test_one_speech_at_a_time_no_call_lost_and_none_too_often(
    page: Page, steps: list[tuple[int, str, int]], lasts: list[int], times: int
) -> None:
    morning = Morning()
    for step in steps:
        morning.do(*step)
    options = {"times": times, "freshSeconds": FRESH, "keepSeconds": 100_000}
    log = page.evaluate(PLAY, {"steps": morning.steps, "options": options, "lasts": lasts})
    assert [said for said in log if said["beside"]] == []
    rounds: dict[int, list[int]] = {}
    for said in log:
        rounds.setdefault(said["sequence"], []).append(said["round"])
    assert all(told == list(range(1, len(told) + 1)) and len(told) <= times for told in rounds.values())
    assert list(rounds) == sorted(rounds)
    last = morning.steps[-1] if morning.steps else {"calls": []}
    still = {call["sequence"] for call in last["calls"]}
    reloads = [step["at"] for step in morning.steps if step["reload"]]
    for sequence, made in morning.made.items():
        told = morning.told_at(sequence)
        if not told or told[0] - made > FRESH:
            assert sequence not in rounds  # nobody is called who was called long ago
        elif times and sequence in still and not any(at >= told[0] for at in reloads):
            assert sequence in rounds
    for said in log:  # nobody is called again once that call was answered, taken back or repeated
        assert not [
            step for step in morning.steps if morning.told_at(said["sequence"])[-1] < step["at"] < said["begin"]
        ]


def played(page: Page, times: int = 2, lasts: int = 8, *calls: tuple[int, int]) -> list[tuple[int, int]]:
    """Calls as (sequence, moment), told one after the other; what was said, as (sequence, round)."""
    told = [{"sequence": sequence, "at": at} for sequence, at in calls]
    steps = [{"at": call["at"], "calls": told[: number + 1]} for number, call in enumerate(told)]
    options = {"times": times, "freshSeconds": FRESH, "keepSeconds": WINDOW}
    log = page.evaluate(PLAY, {"steps": steps, "options": options, "lasts": [lasts]})
    return [(said["sequence"], said["round"]) for said in log]


def test_a_call_is_said_as_often_as_the_board_is_set_to(page: Page) -> None:
    assert played(page, 2, 8, (1, 0)) == [(1, 1), (1, 2)]
    assert played(page, 3, 8, (1, 0)) == [(1, 1), (1, 2), (1, 3)]
    assert played(page, 0, 8, (1, 0)) == []


def test_at_peak_each_is_said_once_and_the_last_again_as_often_as_ever(page: Page) -> None:
    found = played(page, 2, 8, (1, 0), (2, 1), (3, 2), (4, 3))
    assert found == [(1, 1), (2, 1), (3, 1), (3, 2), (4, 1), (4, 2)]


def test_ten_calls_in_one_moment_are_all_said_in_turn_and_shortly_while_many_wait(page: Page) -> None:
    calls = [{"sequence": number, "at": 0} for number in range(1, 11)]
    options = {"times": 2, "freshSeconds": FRESH, "keepSeconds": WINDOW}
    log = page.evaluate(PLAY, {"steps": [{"at": 0, "calls": calls}], "options": options, "lasts": [14]})
    assert [said["sequence"] for said in log if said["round"] == 1] == list(range(1, 11))
    assert [said["many"] for said in log if said["round"] == 1] == [True] * 5 + [False] * 5
    assert log[-1]["begin"] > FRESH, "the last waited longer than a board may have been away, and was said all the same"


def test_what_waited_too_long_for_its_turn_is_not_said_any_more(page: Page) -> None:
    assert played(page, 1, WINDOW + 50, (1, 0), (2, 1)) == [(1, 1)]


def test_a_board_that_was_away_says_only_what_is_still_fresh(page: Page) -> None:
    back = {"at": 100, "calls": [{"sequence": 1, "at": 0}, {"sequence": 2, "at": 100 - FRESH}]}
    options = {"times": 1, "freshSeconds": FRESH, "keepSeconds": WINDOW}
    log = page.evaluate(PLAY, {"steps": [back], "options": options, "lasts": [8]})
    assert [said["sequence"] for said in log] == [2]
