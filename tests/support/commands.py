"""Every command and sub-command of `tiepdon`, as argparse knows it."""

import argparse
from importlib import import_module

from tiepdon.main import COMMANDS


def every_parser() -> dict[str, argparse.ArgumentParser]:
    """Each command and sub-command by its words."""
    root = argparse.ArgumentParser(prog="tiepdon")
    commands = root.add_subparsers()
    for module, _ in COMMANDS.values():
        import_module(module).register(commands)
    found: dict[str, argparse.ArgumentParser] = {}
    todo = [("", root)]
    while todo:
        words, parser = todo.pop()
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                todo += [(f"{words} {name}".strip(), below) for name, below in action.choices.items()]
        found[words] = parser
    return found


PARSERS = every_parser()
CALLABLE = {words: parser for words, parser in PARSERS.items() if parser.get_default("run") is not None}
