"""The three steps on the command line; see the package."""

import argparse
from pathlib import Path

from scripts.train_mrz import scenes


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m scripts.train_mrz", description=__doc__)
    steps = parser.add_subparsers(dest="step", required=True)
    render = steps.add_parser("render", help="draw photographs of documents")
    render.add_argument("folder", type=Path)
    render.add_argument("--first", type=int, default=0, help="number of the first part; it is the seed")
    render.add_argument("--parts", type=int, default=25)
    teach = steps.add_parser("teach", help="teach one of the networks, on from where it was left")
    teach.add_argument("network", choices=["places", "letters"])
    teach.add_argument("folder", type=Path)
    teach.add_argument("--minutes", type=float, default=25, help="of processor time")
    teach.add_argument("--rate", type=float, default=3e-3, help="of learning, at the beginning")
    store = steps.add_parser("store", help="store both networks' weights beside the reader's code")
    store.add_argument("folder", type=Path)
    options = parser.parse_args()
    if options.step == "render":
        options.folder.mkdir(parents=True, exist_ok=True)
        for part in range(options.first, options.first + options.parts):
            scenes.write(options.folder / f"part{part:04}.npz", part)
        return
    from scripts.train_mrz import teaching  # torch: not needed for drawing

    if options.step == "teach":
        teaching.teach(options.network, options.folder, options.minutes, options.rate)
    else:
        teaching.store(options.folder)


if __name__ == "__main__":
    main()
