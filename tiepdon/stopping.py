"""That a process is told to end, by a signal (POSIX.1-2017, 2.4)."""

import queue
import signal
import threading


def stop_on_signals() -> threading.Event:
    """Set by SIGINT and SIGTERM, however many come and whatever the main thread does at that moment.

    A handler runs between two steps of the main thread, which may hold the event's own lock just then: to set it there
    waits for ever. So the handler only puts a word into a queue that may be entered again (queue.SimpleQueue), and a
    thread of its own sets the event. To be called by the main thread.
    """
    stop, told = threading.Event(), queue.SimpleQueue[None]()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: told.put(None))

    def heed() -> None:
        told.get()
        stop.set()

    threading.Thread(target=heed, name="stopping", daemon=True).start()
    return stop
