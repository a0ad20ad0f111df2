"""What makes a machine ready, as one TOML: settings as in tiepdon.toml, `[secrets]` (name = content), `[supervisor]`,
`[network]` (`clients`: who may reach the staff's pages).

It may come from a stick that anybody held, or from a server: everything in it is looked at before anything is taken. A
setting that ends with `_file` names a secret, never a path. Pure; must not touch a file.
"""

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wire.errors import TiepDonError

MOST_BYTES = 256 << 10
MOST_SECRETS = 64
MOST_SECRET = 64 << 10  # characters: a chain of certificates is far below
MOST_DEPTH = 8
MOST_CLIENTS = 64
SITE_KEY = "site.key"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class AnswersUnusable(TiepDonError):
    """What was handed over for the set-up cannot be used (`key`, `why`)."""

    code = "setup.unusable"


@dataclass(frozen=True)
class Supervisor:
    """Who signs in first and makes everybody else's account."""

    name: str
    full_name: str


@dataclass(frozen=True, repr=False)
class Answers:
    """`settings`: what differs, as the tree of tiepdon.toml; its `_file`s are names of `secrets` or of those that are
    there already. `clients`: addresses and networks that may reach the staff's pages, empty: those that may now;
    `without`: destinations that go."""

    settings: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)
    supervisor: Supervisor | None = None
    clients: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()


def parse(content: bytes) -> Answers:
    """Raises AnswersUnusable."""
    if len(content) > MOST_BYTES:
        raise AnswersUnusable(key="", why=f"larger than {MOST_BYTES} bytes")
    try:
        tree = tomllib.loads(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise AnswersUnusable(key="", why="not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise AnswersUnusable(key="", why=_without_values(str(error))) from None
    except (RecursionError, ValueError):
        raise AnswersUnusable(key="", why="nested too deeply, or a number too long") from None
    secrets, supervisor = _secrets(tree.pop("secrets", {})), _supervisor(tree.pop("supervisor", None))
    clients = _clients(tree.pop("network", {"clients": []}))
    if "paths" in tree:
        raise AnswersUnusable(key="paths", why="where things lie is said on the machine itself")
    _check(tree, "", 0)
    return Answers(tree, secrets, supervisor, clients)


def secret_name(name: str) -> str:
    """The name itself. Raises AnswersUnusable for one that is none: a path, the site's own key."""
    if not _NAME.fullmatch(name) or ".." in name or name == SITE_KEY:
        raise AnswersUnusable(key=f"secrets.{_short(name)}", why="no name of a secret")
    return name


def with_paths(tree: Mapping[str, Any], folder: Path, known: frozenset[str]) -> dict[str, Any]:
    """The settings with each `_file` as the path within `folder`. Raises AnswersUnusable for one not among `known`."""
    return {key: _placed(value, key, folder, known) for key, value in tree.items()}


def _placed(value: Any, key: str, folder: Path, known: frozenset[str]) -> Any:
    if isinstance(value, dict):
        return with_paths(value, folder, known)
    if isinstance(value, list):
        return [_placed(one, key, folder, known) for one in value]
    if key.endswith("_file") and isinstance(value, str) and value:
        if value not in known:
            raise AnswersUnusable(key=key, why="names a secret that is not there")
        return str(folder / value)
    return value


def _secrets(told: Any) -> dict[str, str]:
    if not isinstance(told, dict) or len(told) > MOST_SECRETS:
        raise AnswersUnusable(key="secrets", why=f"a table of at most {MOST_SECRETS} names is wanted")
    for name, content in told.items():
        secret_name(name)
        if not isinstance(content, str) or not content.strip() or len(content) > MOST_SECRET or "\0" in content:
            raise AnswersUnusable(key=f"secrets.{name}", why="a text is wanted, not empty and not too long")
    return dict(told)


def _supervisor(told: Any) -> Supervisor | None:
    if told is None:
        return None
    if not isinstance(told, dict) or told.keys() != {"name", "full_name"}:
        raise AnswersUnusable(key="supervisor", why="name and full_name are wanted")
    if not all(isinstance(one, str) and 0 < len(one) <= 100 for one in told.values()):
        raise AnswersUnusable(key="supervisor", why="name and full_name are short texts")
    return Supervisor(told["name"], told["full_name"])


def _clients(told: Any) -> tuple[str, ...]:
    """In the form in which they go into a unit: nothing but an address or a network can."""
    wanted = AnswersUnusable(key="network.clients", why='a list of networks is wanted: ["192.168.1.0/24"]')
    if not isinstance(told, dict) or told.keys() != {"clients"} or not isinstance(told["clients"], list):
        raise wanted
    if len(told["clients"]) > MOST_CLIENTS or not all(isinstance(one, str) for one in told["clients"]):
        raise wanted
    try:
        return tuple(str(ipaddress.ip_network(one)) for one in told["clients"])
    except ValueError:
        raise wanted from None


def _check(value: Any, key: str, depth: int) -> None:
    """No path where a secret is named, nothing too deep."""
    if depth > MOST_DEPTH:
        raise AnswersUnusable(key=_short(key), why="nested too deeply")
    if key.endswith("_file") and value != "":
        if not isinstance(value, str) or not _NAME.fullmatch(value) or ".." in value:
            raise AnswersUnusable(key=_short(key), why="a secret is named, not a path")
    elif isinstance(value, dict):
        for name, below in value.items():
            _check(below, f"{key}.{name}".lstrip("."), depth + 1)
    elif isinstance(value, list):
        for one in value:
            _check(one, key, depth + 1)


def _short(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text[:80])


def _without_values(why: str) -> str:
    """tomllib names line and column, and sometimes a letter or a key of what it met: those stay out."""
    place = re.search(r"\(at (line \d+, column \d+|end of document)\)", why)
    return f"not TOML at {place[1]}" if place else "not TOML"
