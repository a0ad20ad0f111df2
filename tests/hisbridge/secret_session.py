"""A process that asks for a person's insurance in every way it can go, with everything that can write switched on.

Run by test_secrets_in_logs.py with a JSON object on standard input; `leak` makes it write a secret on purpose.
"""

import faulthandler
import json
import logging
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from config.settings import PortalSettings, Settings, load
from hisbridge import assembly
from hisbridge.connectivity import Breaker
from hisbridge.errors import PortalError
from hisbridge.http import LOGGERS, Answer, Post, Question, poster
from hisbridge.lookups.insurance_portal import MAX_ANSWER, InsurancePortal
from hisbridge.lookups.patience import Pacing, rules, steadfast
from hisbridge.questions import CitizenQuestion, CoverageQuestion
from wire.codec import to_json


def listen_to_everything() -> None:
    """Every logger there is at DEBUG, on standard error; warnings each time, and logged as well."""
    logging.basicConfig(level=1, stream=sys.stderr, format="%(name)s %(levelname)s %(message)s %(args)s")
    logging.captureWarnings(capture=True)
    warnings.simplefilter("always")
    for name in (*LOGGERS, *logging.root.manager.loggerDict):
        logging.getLogger(name).setLevel(1)
    faulthandler.enable()


def broken_inside(post: Post) -> Post:
    """A Post with an error of the kind that nobody foresaw, at the moment when it holds everything."""

    def asking(question: Question, deadline: float) -> Answer:
        if question.query:
            faulthandler.dump_traceback(file=sys.stderr, all_threads=True)
            raise ZeroDivisionError
        return post(question, deadline)

    return asking


def session(told: dict[str, Any]) -> dict[str, str | None]:
    """Every scenario's reason, by its name."""
    base = load()
    question = CoverageQuestion(**told["question"])
    found: dict[str, str | None] = {}
    for name, address in told["addresses"].items():
        settings = replace(base, portal=replace(base.portal, **told["portal"], base_url=address))
        found[name] = asked(settings, question, settings.portal, lambda post: post)
    settings = replace(base, portal=replace(base.portal, **told["portal"], base_url=told["addresses"]["fine"]))
    found["inside"] = asked(settings, question, settings.portal, broken_inside)
    return found


def others(told: dict[str, Any]) -> dict[str, str | None]:
    """The hospital system and the population register, put together as the bridge does it, in the same troubles."""
    base = load()
    person = {name: told["question"][name] for name in ("personal_id", "full_name", "birth_date")}
    found: dict[str, str | None] = {}
    for name, address in told["addresses"].items():
        hospital = replace(base.his_proxy, **told["his_proxy"], base_url=address)
        lookup = assembly.insurance_source(replace(base, his_proxy=hospital)).lookup
        found[f"his_proxy {name}"] = lookup.ask(CoverageQuestion(**told["question"])).reason
        for transport in ("soap_xroad", "soap_lgsp", "rest_lgsp"):
            settings = replace(base.population, **told["population"], base_url=address, transport=transport)
            register = assembly.register(replace(base, population=settings)).lookup
            found[f"{transport} {name}"] = register.ask(CitizenQuestion(**person)).reason
    return found


def asked(
    settings: Settings, question: CoverageQuestion, portal: PortalSettings, around: Callable[[Post], Post]
) -> str | None:
    """Ask three times, so that the breaker has its say, and show every error and object on the way."""
    reasons: list[str] = []
    door = poster(MAX_ANSWER)

    def watched(wanted: Question, deadline: float) -> Answer:
        try:
            answer = around(door)(wanted, deadline)
        except PortalError as error:
            logging.getLogger("watch").exception("%s %r %s %r", error, error, wanted, error.data)
            traceback.print_exc()
            shown: BaseException | None = error
            while shown is not None:  # also what `from None` hides
                traceback.print_exception(type(shown), shown, shown.__traceback__, chain=True)
                shown = shown.__cause__ or shown.__context__
            raise
        logging.getLogger("watch").debug("%r %s", answer, wanted)
        return answer

    pacing = Pacing(draw=lambda: 0.0)
    breaker = Breaker("portal", rules(settings.lookups), pacing.monotonic)
    client = InsurancePortal(portal, settings.site, steadfast(watched, breaker, settings.lookups.retries, pacing))
    for _ in range(3):
        try:
            answer = client.ask(question)
        except ZeroDivisionError:
            logging.getLogger("watch").exception("broken inside")
            traceback.print_exc()
            reasons.append("inside")
        else:
            reasons.append(answer.reason or answer.result_code or "")
    logging.getLogger("watch").info("%r %s %r %s", client, breaker, breaker.health(), to_json(breaker.health()))
    door.close()
    return reasons[0] if len(set(reasons)) == 1 else " ".join(reasons)


def main() -> None:
    told = json.loads(sys.stdin.read())
    listen_to_everything()
    found = session(told)
    Path(told["results"]).write_text(
        json.dumps({"portal": found, "others": {} if told["leak"] else others(told)}), "utf-8"
    )
    if told["leak"]:
        logging.getLogger("leak").debug("https://portal.invalid/?token=%s", told["leak"])
    broken = told["addresses"]["server_error"]
    client = InsurancePortal(replace(load().portal, **told["portal"], base_url=broken), load().site, poster(MAX_ANSWER))
    client.probe()  # ends the process with an uncaught error: what the interpreter itself prints is looked at too


if __name__ == "__main__":
    main()
