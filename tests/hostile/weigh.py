"""`python -I weigh.py FILE COMMAND...`: run a command and write its exit code, processor time and memory to FILE.

A small process between a test and what it measures: the kernel counts the memory of whoever starts a process as that
process's own, and a test run has a lot. Imports nothing of ours.
"""

import json
import resource
import subprocess
import sys
from pathlib import Path


def main(file: str, command: list[str]) -> int:
    code = subprocess.run(command, check=False).returncode
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = {"code": code, "seconds": used.ru_utime + used.ru_stime, "memory": used.ru_maxrss << 10}
    Path(file).write_text(json.dumps(told), encoding="ascii")
    return code if code >= 0 else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
