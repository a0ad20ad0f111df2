"""The line between bridge and receiver, cut where it is asked to be: a TCP proxy that knows where a message ends."""

import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

END = b"\x1c\r"
ANSWER_SECONDS = 10.0
PIECE = 65536


class Cut(StrEnum):
    """Where the line is cut."""

    BEFORE = "before the message"
    WITHIN = "within the message"
    UNANSWERED = "after the message, not waiting for its answer"
    ANSWERED = "between the answer and the bridge"
    FROZEN = "nothing comes through any more, and nobody hangs up"  # half open: whoever was there forgot it


AFTER = (Cut.UNANSWERED, Cut.ANSWERED)  # between message and acknowledgement


class CuttingProxy:
    """Passes messages on to `port`; the n-th message meets the cut that `plan` has for n. Threads, one a connection."""

    def __init__(self, port: int, plan: dict[int, Cut], chance: random.Random) -> None:
        self._receiver = port
        self._plan = plan
        self._chance = chance
        self._lock = threading.Lock()
        self.messages = 0
        self.cuts: Counter[Cut] = Counter()
        self._over = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more connections, and let go of the frozen ones."""
        self._over.set()
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                bridge, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(bridge,), daemon=True).start()

    def _serve(self, bridge: socket.socket) -> None:
        with bridge, contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._receiver)) as receiver:
            for line in (bridge, receiver):
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            receiver.settimeout(ANSWER_SECONDS)
            while message := _frame(bridge):
                cut = self._due()
                if cut is None:
                    receiver.sendall(message)
                    answer = _frame(receiver)
                    bridge.sendall(answer)
                    if not answer:
                        return
                    continue
                self._cut(cut, message, bridge, receiver)
                return

    def _due(self) -> Cut | None:
        with self._lock:
            self.messages += 1
            cut = self._plan.get(self.messages)
            if cut is not None:
                self.cuts[cut] += 1
            return cut

    def _cut(self, cut: Cut, message: bytes, bridge: socket.socket, receiver: socket.socket) -> None:
        if cut is Cut.FROZEN:
            if self._chance.random() < 0.5:  # lost on its way, or its answer was
                receiver.sendall(message)
            self._over.wait()
            return
        if cut is Cut.WITHIN:
            receiver.sendall(message[: self._chance.randrange(1, len(message) - len(END))])
        elif cut in AFTER:
            receiver.sendall(message)
        if cut is Cut.ANSWERED:
            _frame(receiver)
        # A line ends in two ways: closed, or reset.
        if self._chance.random() < 0.5:
            bridge.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def plan(cuts: int, messages: int, chance: random.Random, frozen: int = 0) -> dict[int, Cut]:
    """Which messages meet a cut: a third of each of before, within and after, anywhere among so many; and so many more
    a line that freezes."""
    kinds = [(Cut.BEFORE, Cut.WITHIN, AFTER[number // 3 % 2])[number % 3] for number in range(cuts)]
    kinds += [Cut.FROZEN] * frozen
    chance.shuffle(kinds)
    return dict(zip(sorted(chance.sample(range(1, messages + 1), len(kinds))), kinds, strict=True))


@contextmanager
def cutting(port: int, cuts: dict[int, Cut], chance: random.Random) -> Iterator[CuttingProxy]:
    """A proxy to this port while the context lasts."""
    proxy = CuttingProxy(port, cuts, chance)
    try:
        yield proxy
    finally:
        proxy.close()


def _frame(line: socket.socket) -> bytes:
    """One whole frame, or whatever came before the line ended. One at a time: the bridge waits for each answer."""
    held = b""
    while not held.endswith(END):
        piece = line.recv(PIECE)
        if not piece:
            return held
        held += piece
    return held
