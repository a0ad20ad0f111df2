"""Published master lists and sample security objects, judged whole. Opt-in: the data is not ours to keep here.

TIEPDON_REAL_DATA names a folder with master lists (`.ml`, `.mls`), authorities (`.cer`), and below it anywhere sample
files `*.sod` (EF.SOD) and `*.cs` (EF.CardSecurity). With `pytest -s` the figures are printed.
"""

import os
import time
import tracemalloc
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reader.pki import master_list, passive_authentication, trust_files, trust_store
from reader.pki.trust import NO_TRUST, Trust, load_trust
from reader.pki.trust_store import Wanted
from reader.reading import Outcome

NAMED = os.environ.get("TIEPDON_REAL_DATA")
pytestmark = pytest.mark.skipif(
    NAMED is None,
    reason="set TIEPDON_REAL_DATA to a folder of published master lists (.ml), authorities (.cer) and samples (.sod)",
)
DATA = Path(NAMED or ".")
NOW = datetime.now(UTC)
LISTS = sorted(path for path in DATA.rglob("*") if path.suffix.lower() in (".ml", ".mls")) if NAMED else []
SAMPLES = sorted(path for path in DATA.rglob("*") if path.suffix.lower() in (".sod", ".cs")) if NAMED else []


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trust folder with everything in it: the authorities by their owner's word, the lists by theirs."""
    made = tmp_path_factory.mktemp("trust") / "folder"
    authorities = [trust_files.read(path) for path in sorted(DATA.rglob("*.cer"))]
    found = trust_files.Contents(certificates=tuple(der for one in authorities for der in one.certificates))
    trust_store.take_in(found, made, NO_TRUST, Wanted(), NOW)
    # Twice: a list may be signed under an authority that another one brings.
    for path in (*LISTS, *LISTS):
        report = trust_store.take_in(trust_files.read(path), made, load_trust(made), Wanted(), NOW)
        states = Counter((entry.kind, entry.state, entry.why) for entry in report.entries)
        print(path.name, [(one.proof, one.why) for one in report.lists], dict(states))
    return made


@pytest.fixture(scope="module")
def trust(folder: Path) -> Trust:
    return load_trust(folder)


@pytest.mark.parametrize("path", LISTS, ids=lambda path: path.name)
def test_every_list_is_whole_and_every_certificate_in_it_is_understood(path: Path, trust: Trust) -> None:
    (encoded,) = trust_files.read(path).lists
    listed = master_list.parse(encoded)
    assert master_list.intact(listed)
    assert set(listed.certificates) <= {anchor.der for anchor in trust.anchors}


def test_every_root_verifies_itself_and_vietnams_is_among_them(trust: Trust) -> None:
    found = [anchor.certificate for anchor in trust.anchors]
    verdicts = Counter((trust_store.kind_of(one), trust_store.self_signed(one)) for one in found)
    print(len(found), "certificates of", len({one.subject.country for one in found}), "countries", dict(verdicts))
    assert verdicts["root", False] == 0
    assert [trust_store.self_signed(one) for one in found if one.subject.country == "VN"] == [True]


def test_the_folder_is_read_soon_and_kept_small(folder: Path) -> None:
    started = time.thread_time()
    load_trust(folder)
    spent = time.thread_time() - started
    tracemalloc.start()
    kept = load_trust(folder)
    now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"{len(kept.anchors)} certificates: {spent * 1000:.0f} ms, {now / 1e6:.1f} MB kept, {peak / 1e6:.1f} MB peak")
    assert spent < 2
    assert now < 16e6


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.name)
def test_every_sample_is_signed_by_a_known_state(path: Path, trust: Trust) -> None:
    data = path.read_bytes()
    started = time.perf_counter()
    if path.suffix == ".sod":
        judged = passive_authentication.check(passive_authentication.parse(data), {}, trust, NOW)
    else:
        judged = passive_authentication.check_card_security(data, trust, NOW)
    spent = (time.perf_counter() - started) * 1000
    print(f"{path.name}: {judged.signature.protocol} under {judged.chain.protocol} {judged.warnings} {spent:.1f} ms")
    assert (judged.signature.result, judged.chain.result) == (Outcome.PASSED, Outcome.PASSED)
