"""`tiepdon agent pair`, `pairings` and `unpair`: which pages may take records from a local agent."""

import argparse
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from config.settings import database_file, load
from hisbridge.agent import pairing
from hisbridge.agent.codes import PairRequest, agent_of, end_pairings
from hisbridge.desk import open_outbox
from tiepdon.commands.asking import add_answering, printed_as_json, site_zone, user, words_of
from tiepdon.commands.bridge_line import Line


def register(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add them to the commands of `agent`."""
    pair = commands.add_parser("pair", help="print a code that pairs one page")
    listed = commands.add_parser("pairings", help="list the pages that are paired")
    unpair = commands.add_parser("unpair", help="end pairings")
    for one in (pair, listed, unpair):
        one.add_argument("--config", type=Path, help="the site's settings file")
        one.add_argument("--destination", metavar="NAME", help="which local agent (default: the first)")
        add_answering(one)
    for one in (pair, unpair):
        one.add_argument("--by", default=user(), help="who does it, for the audit (default: the account)")
    unpair.add_argument("--origin", help="of this page only (default: of all)")
    pair.set_defaults(run=_run_pair)
    listed.set_defaults(run=_run_pairings)
    unpair.set_defaults(run=_run_unpair)


def _run_pair(options: argparse.Namespace) -> int:
    settings = load(options.config)
    made = Line(settings).pair(PairRequest(destination=options.destination, by=options.by))
    if printed_as_json(made, options):
        return 0
    agent, words = agent_of(settings, made.destination), words_of(options, settings)
    sys.stdout.write(f"{made.code[:3]} {made.code[3:]}\n")
    minutes = f"{made.seconds / 60:.3g}"
    address = f"http://{agent.listen}/"
    sys.stderr.write(words.get("bridge.agent.pair", destination=agent.name, minutes=minutes, address=address) + "\n")
    return 0


def _run_pairings(options: argparse.Namespace) -> int:
    settings = load(options.config)
    if options.destination is not None:
        agent_of(settings, options.destination)
    with closing(open_outbox(database_file(settings))) as connection:
        known = pairing.pairings(connection, options.destination)
    if printed_as_json({"pairings": known}, options):
        return 0
    words = words_of(options, settings)
    for one in known:
        since = datetime.fromisoformat(one.paired_at).astimezone(site_zone(settings))
        page = one.origin or words.get("bridge.agent.program")
        sys.stdout.write(f"{since:%Y-%m-%d %H:%M:%S}  {one.destination:<16}  {page}\n")
    if not known:
        sys.stderr.write(words.get("bridge.agent.nobody") + "\n")
    return 0


def _run_unpair(options: argparse.Namespace) -> int:
    settings = load(options.config)
    agent = agent_of(settings, options.destination)
    with closing(open_outbox(database_file(settings))) as connection:
        ended = end_pairings(connection, agent, options.origin, options.by, datetime.now(UTC))
    if not printed_as_json({"ended": ended}, options):
        sys.stdout.write(words_of(options, settings).get("bridge.agent.ended", count=ended) + "\n")
    return 0
