"""A site whose insurance portal and population register are the sandbox's, in this process; no bridge runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sandbox import population as register
from sandbox.people import everybody
from sandbox.population import Population
from sandbox.portal import Portal
from tiepdon.main import main

OFFICER = 'officer_name = "Trần Thị Mẫu"\nofficer_id = "000088888888"\n'


@dataclass(frozen=True)
class Site:
    """A site whose portal and register are the sandbox's, and no bridge runs."""

    file: Path
    portal: Portal
    population: Population

    def ask(self, what: str, *options: str) -> int:
        return main(["lookup", what, "--config", str(self.file), *options])


def settings_file(folder: Path, portal: int, population: int, officer: str = OFFICER) -> Path:
    for name in ("portal", "population"):
        (folder / name).write_text(register.SECRET)
        (folder / name).chmod(0o600)
    file = folder / "site.toml"
    file.write_text(
        f"""
[paths]
state = "{folder}"
run = "{folder}"
[portal]
enabled = true
base_url = "http://127.0.0.1:{portal}"
username = "99999_BV"
password_file = "{folder / "portal"}"
{officer}
[population]
transport = "rest_lgsp"
base_url = "http://127.0.0.1:{population}"
path = "{register.LGSP_REST_PATH}"
token_path = "{register.TOKEN_PATH}"
username = "{register.USERNAME}"
password_file = "{folder / "population"}"
client = "{register.CLIENT}"
officer = "000088888888"
agency_code = "H00.00"
procedure_code = "0.000000"
""",
        "utf-8",
    )
    return file


@contextmanager
def site_of(folder: Path, **differences: Any) -> Iterator[Site]:
    portal, population = Portal(everybody()), Population(everybody())
    with portal.serving() as (_, port), population.serving() as (_, other):
        yield Site(settings_file(folder, port, int(other), **differences), portal, population)
