"""gunicorn's own words in the log of the process: in its form, on its stream, at its level."""

from typing import Any

from gunicorn.glogging import Logger


class SharedLog(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's errors go where all else goes; its access log, which would hold addresses, nowhere."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        self.error_log.handlers.clear()
        self.error_log.propagate = True
