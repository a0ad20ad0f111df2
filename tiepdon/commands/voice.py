"""`tiepdon voice`: make placeholder clips of a site's own words (services, counters, places, consent), so that they are
heard until somebody has recorded them."""

import argparse
import sys
from pathlib import Path
from typing import Any

from tiepdon.commands.asking import add_answering, printed_as_json, words_of


def register(commands: Any) -> None:
    """Add the command to the root parser."""
    parser = commands.add_parser("voice", help="the clips of a site's own words: make", description=__doc__)
    acts = parser.add_subparsers(metavar="ACT", required=True)
    one = acts.add_parser(
        "make",
        help="make the clips that are missing or say something else by now",
        description="Says the names of services, counters and places and the consent's text of the settings in "
        "Vietnamese and English, with espeak-ng, into the folder voice of paths.state; only what changed is made anew. "
        "A recording in a content pack is used instead. Run it as the kiosk's own user, then restart kiosk and desk.",
    )
    one.add_argument("--config", type=Path, help="the site's settings file")
    add_answering(one)
    one.set_defaults(run=make_clips)


def make_clips(options: argparse.Namespace) -> int:
    """Make them and say how many; 0. Raises ConfigError, VoiceToolsMissing, VoiceFailed, VoiceFolder."""
    from config.settings import load
    from ui.packs import packs_of
    from ui.site_voice import site_folder, wanted_texts
    from ui.voice_making import make

    settings = load(options.config)
    recorded = {language: pack.recordings for language, pack in packs_of(settings).found.items()}
    folder = site_folder(settings)
    index, fresh = make(folder, wanted_texts(settings, recorded))
    clips = sum(len(clips) for clips in index.languages.values())
    if not printed_as_json({"folder": str(folder), "clips": clips, "made": fresh}, options):
        told = words_of(options, settings).get("clips.made", clips=clips, made=fresh, folder=folder)
        sys.stdout.write(told + "\n")
    return 0
