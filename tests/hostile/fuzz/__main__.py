"""`python -m tests.hostile.fuzz TARGET --seconds N`: attack one target with atheris, beginning with the kept corpus.

`all` attacks each in turn, each in a process of its own, because libFuzzer ends the process it runs in. With `--keep`
what was found to reach new code is minimised into the kept corpus. Inputs that end in a finding are left in
`.run/fuzz/` and printed; once the fault is mended, they belong into `findings/`, where every test run plays them.
"""

import argparse
import hashlib
import random
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import atheris
except ImportError:
    atheris = None

CORPUS = Path(__file__).with_name("corpus")
MENDED = Path(__file__).with_name("findings")
FINDINGS = Path(__file__).parents[3] / ".run" / "fuzz"
MOST_KEPT = 150_000  # bytes of one target's corpus
INSTRUMENTED = ["reader", "asn1crypto"]
LONGEST_RUN = 5  # seconds of one input before it counts as a finding
SHAPED = 0.8  # of the mutations keep the shape of data objects, where there are any
MOST_MEMORY = 1024  # megabytes of the whole process; the tests measure more closely


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.hostile.fuzz", description=__doc__.partition(":")[0])
    parser.add_argument("target", help="a name from tests/hostile/fuzz/targets.py, or all")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    parser.add_argument("--keep", action="store_true", help="minimise what was found into the kept corpus")
    parser.add_argument("--child", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if atheris is None:
        sys.stderr.write("atheris is not installed: it has wheels for x86-64 Linux and Python 3.11 to 3.13 only\n")
        return 1
    if options.child is not None:
        _fuzz(options.target, options.child)  # does not return
    from tests.hostile.fuzz.targets import TARGETS

    names = list(TARGETS) if options.target == "all" else [options.target]
    if unknown := set(names) - set(TARGETS):
        parser.error(f"no target {unknown.pop()!r}; there are: {', '.join(TARGETS)}")
    from tests.hostile.fuzz.seeds import make

    seeds = make()
    return max(_attack(name, seeds.get(name, []), options.seconds, options.keep) for name in names)


def _attack(name: str, seeds: list[bytes], seconds: int, keep: bool) -> int:
    """Run one target in a process of its own; 1 when there was a finding."""
    from tests.hostile.fuzz.targets import TARGETS

    findings = FINDINGS / name
    findings.mkdir(parents=True, exist_ok=True)
    kept = CORPUS / name
    with tempfile.TemporaryDirectory(prefix="tiepdon-fuzz-") as folder:
        work, first = Path(folder) / "work", Path(folder) / "seeds"
        work.mkdir()
        first.mkdir()
        for seed in seeds:
            (first / _name_of(seed)).write_bytes(seed)
        for path in [*kept.glob("*"), *(MENDED / name).glob("*")]:
            shutil.copy(path, first)
        longest = max([TARGETS[name].longest, *map(len, seeds)])
        done = _child(
            name,
            [
                f"-max_total_time={seconds}",
                f"-max_len={longest}",
                f"-timeout={LONGEST_RUN}",
                f"-rss_limit_mb={MOST_MEMORY}",
                f"-artifact_prefix={findings}/",
                "-print_final_stats=1",
                "-use_value_profile=1",
                str(work),
                str(first),
            ],
        )
        print(f"{name:24} {_figures(done.stderr)}", flush=True)
        if done.returncode:
            print(done.stdout[-3000:] + done.stderr[-1500:], flush=True)
        if keep and not done.returncode:
            _minimise(name, longest, [work, first], kept)
    return int(done.returncode != 0)


def _minimise(name: str, longest: int, found: list[Path], kept: Path) -> None:
    """The smallest set of inputs that reaches as much, as far as there is room, smallest first."""
    with tempfile.TemporaryDirectory(prefix="tiepdon-fuzz-") as folder:
        merged = _child(name, ["-merge=1", f"-max_len={longest}", f"-timeout={LONGEST_RUN}", folder, *map(str, found)])
        if merged.returncode:
            print(merged.stderr[-2000:])
            return
        smallest_first = sorted(Path(folder).iterdir(), key=lambda path: path.stat().st_size)
        assert smallest_first, merged.stderr[-2000:]
        shutil.rmtree(kept, ignore_errors=True)
        kept.mkdir(parents=True)
        room = MOST_KEPT
        for path in smallest_first:
            room -= path.stat().st_size
            if room < 0:
                break
            data = path.read_bytes()
            (kept / _name_of(data)).write_bytes(data)


def _child(name: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    """libFuzzer in a process of its own. To minimise it starts itself again, by its first argument: a script."""
    with tempfile.TemporaryDirectory(prefix="tiepdon-fuzz-") as folder:
        script = Path(folder) / "again"
        again = [sys.executable, "-m", "tests.hostile.fuzz", name, "--child", str(script)]
        script.write_text(f'#!/bin/sh\nexec {shlex.join(again)} "$@"\n', encoding="utf-8")
        script.chmod(0o700)
        return subprocess.run(
            [script, *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )


def _name_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _figures(log: str) -> str:
    """Executions, coverage and the size of the corpus, from libFuzzer's log."""
    runs = re.findall(r"stat::number_of_executed_units:\s+(\d+)", log)
    state = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)/(\S+)", log)
    peak = re.findall(r"stat::peak_rss_mb:\s+(\d+)", log)
    slowest = re.findall(r"stat::slowest_unit_time_sec:\s+(\d+)", log)
    edges, features, inputs, size = state[-1] if state else ("?",) * 4
    told = [f"{(runs or ['?'])[-1]} runs", f"{edges} edges", f"{features} features", f"{inputs} inputs/{size}"]
    return ", ".join([*told, f"{(peak or ['?'])[-1]} MB", f"slowest {(slowest or ['?'])[-1]} s"])


def _fuzz(name: str, arguments: list[str]) -> None:
    with atheris.instrument_imports(include=INSTRUMENTED):
        from tests.hostile.fuzz.targets import TARGETS
    from tests.hostile.fuzz.shaping import mutated

    def mutate(data: bytes, longest: int, seed: int) -> bytes:
        dice = random.Random(seed)  # noqa: S311 (chance, not secrets)
        shaped = None
        if dice.random() < SHAPED:
            shaped = mutated(data, dice, lambda raw: atheris.Mutate(raw, max(len(raw) + 8, 8)))
        return atheris.Mutate(data, longest) if shaped is None or len(shaped) > longest else shaped

    target = TARGETS[name]
    custom = {"custom_mutator": mutate} if target.shaped else {}
    atheris.Setup(arguments, target.run, **custom)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
