import ast
import builtins
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hisbridge.records import PatientRecord
from reader.reading import Holder, Sex
from wire.codec import from_json, from_plain, to_json, to_plain
from wire.errors import MalformedMessage


def test_a_record_survives_the_trip_through_json() -> None:
    holder = Holder(personal_id="001303900017", full_name="Trần Thị Mẫu", sex=Sex.FEMALE)
    assert from_json(to_json(holder), Holder) == holder
    assert from_plain(to_plain(holder), Holder) == holder


def test_absent_fields_are_null_in_json() -> None:
    assert b'"residence":null' in to_json(Holder(personal_id="001303900017"))


@pytest.mark.parametrize(
    ("data", "where"),
    [
        (b"", "$"),
        (b"{", "$"),
        (b"[]", "$"),
        (b'{"personal_id": 1}', "$.personal_id"),
        (b'{"full_name": "x"}', "$"),
        (b'{"personal_id": "1", "surprise": 1}', "$"),
        (b'{"personal_id": "\xff"}', "$"),
        (b"[" * 100_000, "$"),
    ],
)
def test_what_is_not_the_record_is_refused_with_the_place(data: bytes, where: str) -> None:
    with pytest.raises(MalformedMessage) as caught:
        from_json(data, Holder)
    assert caught.value.data["where"] == where


def test_an_error_never_repeats_the_value_that_was_wrong() -> None:
    with pytest.raises(MalformedMessage) as caught:
        from_json(b'{"personal_id": "001303900017", "sex": "Tran Thi Mau"}', Holder)
    assert "Mau" not in str(caught.value)


def test_a_patient_record_with_an_unknown_version_is_refused() -> None:
    with pytest.raises(MalformedMessage):
        from_json(b'{"version": "tiepdon.patient_record/9"}', PatientRecord)


# Types nobody has decoded yet, each by four threads at the same moment.
FIRST_TIMES = """
import sys
import threading

from wire.codec import Record, from_json

sys.setswitchinterval(1e-6)


def decode(kind, barrier):
    barrier.wait()
    from_json(b'{"inner": {"number": 1}, "words": ["a"]}', kind)


for turn in range(400):
    inner = type("Inner", (Record,), {"__annotations__": {"number": "int"}, "__module__": __name__})
    words = {"inner": inner, "words": "tuple[str, ...]", "other": "int | None"}
    outer = type("Outer", (Record,), {"__annotations__": words, "other": None, "__module__": __name__})
    barrier = threading.Barrier(4)
    threads = [threading.Thread(target=decode, args=(outer, barrier)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("well")
"""


# The bridge's couriers begin together, and the first record of each wants the code lists.
FIRST_LISTS = """
import sys
import threading
from importlib import reload

from config.codelists import groups

sys.setswitchinterval(1e-6)


def ask(barrier):
    barrier.wait()
    groups.ethnic_groups()


for turn in range(100):
    reload(groups)
    barrier = threading.Barrier(6)
    threads = [threading.Thread(target=ask, args=(barrier,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("well")
"""


@pytest.mark.parametrize("program", [FIRST_TIMES, FIRST_LISTS], ids=["records", "code lists"])
def test_threads_that_meet_a_type_for_the_first_time_together_do_not_end_the_process(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": "."}, capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"well\n")


ROOT = Path(__file__).parents[2]
PRODUCT = ("wire", "config", "reader", "kiosk", "hisbridge", "ui", "tiepdon", "sandbox")
TYPED = {"convert": 1, "decode": 1, "Decoder": 0}  # of msgspec: which argument the type is, where it is not `type=`


def types_handed_to_msgspec() -> Iterator[tuple[str, ast.expr]]:
    for file in sorted(file for folder in PRODUCT for file in (ROOT / folder).rglob("*.py")):
        for call in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(call, ast.Call) or not ast.unparse(call.func).startswith("msgspec."):
                continue
            place = TYPED.get(ast.unparse(call.func).rpartition(".")[2])
            if place is None:
                continue
            handed = [word.value for word in call.keywords if word.arg == "type"] or call.args[place : place + 1]
            yield from ((f"{file.relative_to(ROOT)}:{call.lineno}", kind) for kind in handed)


def test_no_type_of_ours_is_handed_to_msgspec_unlearnt() -> None:
    handed = list(types_handed_to_msgspec())
    assert len(handed) > 5
    ours = [(place, kind) for place, kind in handed if place.rpartition(":")[0] != "wire/codec.py"]
    for place, kind in ours:
        names = {node.id for node in ast.walk(kind) if isinstance(node, ast.Name)}
        assert "learnt" in names or names <= set(dir(builtins)), (place, ast.unparse(kind))
