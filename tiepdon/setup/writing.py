"""Answers become files: settings and, apart from them, one file for each secret, for root alone.

Nothing is replaced before the whole was judged by the same door the product uses (`config.settings.load`); each file is
there whole or not at all, the settings last; the old ones are kept beside them. A setting that was not answered stays.
"""

import json
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.settings import ConfigError, ConfigMissing, ConfigSyntax, Settings, load
from tiepdon.setup.answers import SITE_KEY, Answers, with_paths
from wire.durable import put, sync
from wire.errors import TiepDonError
from wire.keys import write_new_key

HEADER = (
    "# Written by `tiepdon setup`. What is not here has its default: config/default.toml documents every setting.\n"
)
KEPT = ".old"


class SetupUnwritable(TiepDonError):
    """The settings or a secret cannot be written (`file`, `why`: the system's word for it)."""

    code = "setup.unwritable"


@dataclass(frozen=True)
class Written:
    """`kept`: the settings as they were, None where there were none; `secrets`: the files that were written."""

    settings: Settings
    kept: Path | None
    secrets: tuple[Path, ...]


def secrets_folder(config: Path) -> Path:
    """Where the secrets lie of the settings in this file."""
    return config.parent / "secrets"


def judge(config: Path, answers: Answers) -> Settings:
    """The settings as they would be. Raises ConfigError, AnswersUnusable; changes nothing."""
    folder = secrets_folder(config)
    there = frozenset(path.name for path in folder.iterdir()) if folder.is_dir() else frozenset()
    tree = _laid_over(present(config) or {}, answers, folder, there)
    with tempfile.TemporaryDirectory(prefix="tiepdon-setup-") as place:
        candidate = Path(place) / config.name
        put(candidate, f"{toml_of(tree)}\n".encode())
        return _judged(candidate, config)


def judge_alone(answers: Answers) -> Settings:
    """The settings of a machine that has none yet. Raises ConfigError, AnswersUnusable."""
    with tempfile.TemporaryDirectory(prefix="tiepdon-setup-") as place:
        return judge(Path(place) / "tiepdon.toml", answers)


def write(config: Path, answers: Answers) -> Written:
    """Lay the answers over what stands in `config`. Raises ConfigError, AnswersUnusable, SetupUnwritable; then nothing
    was changed."""
    folder = secrets_folder(config)
    try:
        config.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        there = frozenset(path.name for path in folder.iterdir())
        before = present(config)
        tree = _laid_over(before or {}, answers, folder, there)
        if not tree.get("paths", {}).get("key_file"):
            write_new_key(folder / SITE_KEY)
            tree = merged(tree, {"paths": {"key_file": str(folder / SITE_KEY)}})
        return _replace(config, folder, tree, answers, before is not None)
    except OSError as error:
        raise SetupUnwritable(file=str(error.filename or config), why=error.strerror) from None


def present(config: Path) -> dict[str, Any] | None:
    """What stands in the settings' file now, None where there is none. Raises ConfigError."""
    if not config.exists():
        return None
    load(config)  # what is broken is not built upon
    return tomllib.loads(config.read_text("utf-8-sig"))


def _laid_over(before: Mapping[str, Any], answers: Answers, folder: Path, there: frozenset[str]) -> dict[str, Any]:
    told = with_paths(answers.settings, folder, there | answers.secrets.keys())
    kept = dict(before)
    if answers.without and "destinations" in kept:
        kept["destinations"] = [one for one in kept["destinations"] if one.get("name") not in answers.without]
    return merged(kept, told)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` laid over `base`, table by table; of destinations each by its name, other lists as a whole."""
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        if isinstance(below, dict) and isinstance(value, dict):
            result[key] = merged(below, value)
        elif key == "destinations" and isinstance(below, list) and isinstance(value, list):
            named = {one.get("name"): one for one in below}
            for one in value:
                if isinstance(one, dict):
                    name = one.get("name")
                    same = named.get(name, {}).get("connector") == one.get("connector")
                    named[name] = merged(named[name], one) if name in named and same else one
            result[key] = list(named.values())
        else:
            result[key] = value
    return result


def toml_of(tree: Mapping[str, Any], under: tuple[str, ...] = ()) -> str:
    """TOML 1.0 of tables, lists, texts, numbers and truths: values first, then the tables within."""
    plain = [f"{_key(key)} = {_value(value)}" for key, value in tree.items() if not _is_table(value)]
    parts = ["\n".join(plain)] if plain else []
    for key, value in tree.items():
        path = (*under, key)
        name = ".".join(map(_key, path))
        if isinstance(value, dict):
            parts.append(f"[{name}]\n{toml_of(value, path)}".rstrip())
        elif _is_table(value):
            parts += [f"[[{name}]]\n{toml_of(one, path)}".rstrip() for one in value]
    return "\n\n".join(parts)


def _replace(config: Path, folder: Path, tree: Mapping[str, Any], answers: Answers, was: bool) -> Written:
    candidate = _beside(config)
    waiting: list[tuple[Path, Path]] = []
    try:
        put(candidate, f"{HEADER}\n{toml_of(tree)}\n".encode(), 0o644)
        settings = _judged(candidate, config)
        for name, content in answers.secrets.items():
            waiting.append((_beside(folder / name), folder / name))
            put(waiting[-1][0], (content if content.endswith("\n") else f"{content}\n").encode())
        kept = config.with_name(config.name + KEPT) if was else None
        if kept is not None:
            put(_beside(kept), config.read_bytes())
            _beside(kept).replace(kept)
        for new, file in waiting:
            new.replace(file)
        sync(folder)
        candidate.replace(config)
        sync(config.parent)
    finally:
        for file in (candidate, *(new for new, _ in waiting)):
            with suppress(OSError):
                file.unlink(missing_ok=True)
    return Written(settings, kept, tuple(file for _, file in waiting))


def _judged(candidate: Path, config: Path) -> Settings:
    """By the product's own door, told as the file it is to become."""
    try:
        return load(candidate, {})
    except (ConfigMissing, ConfigSyntax, ConfigError) as error:
        error.data["file"] = str(config)
        raise


def _beside(file: Path) -> Path:
    return file.with_name(f".{file.name}.new")


def _is_table(value: Any) -> bool:
    return isinstance(value, dict) or (
        isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)
    )


def _key(name: str) -> str:
    return name if name and all(one.isascii() and (one.isalnum() or one in "_-") for one in name) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # A JSON string is a basic string of TOML, but for DEL (TOML 1.0, "String").
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_key(key)} = {_value(one)}' for key, one in value.items())}}}"
    return str(value)  # a number, a date
