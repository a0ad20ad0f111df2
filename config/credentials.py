"""Where a unit of systemd finds the secrets that were handed over to it alone (`LoadCredential=`): a `…_file` of the
settings whose name is among them is read there, any other where the settings say.

Must not open a secret: whoever uses one reads it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

CREDENTIALS = "CREDENTIALS_DIRECTORY"  # systemd.exec(5): where a unit finds what was handed over to it alone
FOLDER_ID = "secrets"  # under which a unit loads a whole folder; systemd names its files secrets_NAME


def with_credentials(tree: dict[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """The settings as plain data, each `…_file` that was handed over named where it lies now."""
    folder = environ.get(CREDENTIALS)
    return _handed_over(tree, _credentials(Path(folder))) if folder else tree


def _credentials(folder: Path) -> dict[str, str]:
    """Every secret in the unit's own folder by the name of its file at home. A bare line end is what a unit says
    where there is none (SetCredential=).
    """
    try:
        found = [file for file in folder.iterdir() if file.stat().st_size > 1]
    except OSError:
        return {}
    return {file.name.removeprefix(f"{FOLDER_ID}_"): str(file) for file in found}


def _handed_over(value: Any, secrets: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_handed_over(one, secrets) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: secrets.get(Path(below).name, below)
        if key.endswith("_file") and isinstance(below, str)
        else _handed_over(below, secrets)
        for key, below in value.items()
    }
