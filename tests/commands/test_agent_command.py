"""`tiepdon agent`: codes and pairings from the command line, and what the typing helper says when it cannot."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hisbridge import audit
from tests.hisbridge.agents import HIS, Page, running

COMMAND = [sys.executable, "-m", "tiepdon.main", "agent"]
BLOCK = '[[destinations]]\nname = "his"\nconnector = "local_agent"\n'


def agent(*arguments: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    told = {**os.environ, "DISPLAY": "", "WAYLAND_DISPLAY": "", **environment}
    return subprocess.run([*COMMAND, *map(str, arguments)], capture_output=True, text=True, env=told)


def config(folder: Path, block: str = BLOCK) -> Path:
    path = folder / "tiepdon.toml"
    path.write_text(f'[paths]\nstate = "{folder / "state"}"\nrun = "{folder}"\n{block}', "utf-8")
    return path


def test_a_code_from_the_command_line_pairs_a_page_that_is_listed_and_can_be_ended(tmp_path: Path) -> None:
    with running(tmp_path) as local:
        file = config(tmp_path)
        local.clock.moment = local.clock.moment.now(local.clock.moment.tzinfo)
        code = agent("pair", "--config", file)
        assert code.returncode == 0, code.stderr
        page = Page(local.port)
        status, told = page.post("/v1/pair", {"code": code.stdout})
        assert status == 200
        page.token = told["token"]
        assert HIS in agent("pairings", "--config", file).stdout
        ended = [agent("unpair", "--config", file, "--json", *more) for more in (("--origin", "https://o.test"), ())]
        assert [json.loads(done.stdout) for done in ended] == [{"ended": 0}, {"ended": 1}]
        assert agent("pairings", "--config", file, "--language", "en").stderr == "No page is paired\n"
        acts = [(entry.act, entry.changed) for entry in audit.entries(local.db)]
        assert acts == [("agent.unpair", 1), ("agent.unpair", 0), ("agent.pair", None)]
        assert page.get("/v1/waiting")[1]["code"] == "agent.not_paired"


def test_a_site_without_a_local_agent_says_so(tmp_path: Path) -> None:
    done = agent("pair", "--config", config(tmp_path, ""))
    assert done.returncode == 2
    assert "config.no_agent" in done.stderr
    done = agent("pairings", "--config", config(tmp_path), "--destination", "other")
    assert done.returncode == 2
    assert "[config.unknown_destination name=other known=his]" in done.stderr


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\xff\xfe", b"a\nb", "folder"])
def test_a_pairing_that_is_not_kept_is_said_with_its_cure_before_anybody_is_called(
    tmp_path: Path, content: bytes | str | None
) -> None:
    token = tmp_path / "token"
    if isinstance(content, bytes):
        token.write_bytes(content)
    elif content:
        token.mkdir()
    done = agent("type", "--token-file", token, "--url", "http://127.0.0.1:1")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"[agent.token_unusable file={token} why=" in done.stderr


def test_a_code_is_not_spent_where_its_token_cannot_be_kept(tmp_path: Path) -> None:
    with running(tmp_path) as local:
        code, url = local.code(), f"http://127.0.0.1:{local.port}"
        done = agent("type", "--token-file", tmp_path / "no" / "token", "--url", url, "--pair", code)
        assert "agent.token_unusable" in done.stderr
        done = agent("type", "--token-file", tmp_path / "token", "--url", url, "--pair", code)
        assert "agent.unknown_screen" in done.stderr  # paired, and one step further
        assert (tmp_path / "token").stat().st_mode & 0o777 == 0o600


def test_typing_without_an_agent_or_without_a_desktop_takes_nothing(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("x", "utf-8")
    gone = agent("type", "--token-file", token, "--url", "http://127.0.0.1:1")
    assert "agent.unreachable" in gone.stderr
    with running(tmp_path) as local:
        told = agent("type", "--token-file", token, "--url", f"http://127.0.0.1:{local.port}")
        assert "agent.not_paired" in told.stderr
        url = f"http://127.0.0.1:{local.port}"
        told = agent("type", "--token-file", token, "--url", url, "--pair", local.code())
        assert "agent.unknown_screen" in told.stderr
