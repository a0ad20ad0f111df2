"""What every destination's settings have, and what those reached over HTTP have besides."""

from typing import Annotated, cast

from msgspec import Meta

from wire.codec import Record

Port = Annotated[int, Meta(ge=1, le=65535)]
Seconds = Annotated[float, Meta(gt=0, le=86400)]
Pause = Annotated[float, Meta(ge=0, le=3600)]
Url = Annotated[str, Meta(pattern=r"^https?://[^\s]+\Z", max_length=2000)]


class Destination(Record, frozen=True, kw_only=True, tag_field="connector"):
    """One receiving system. `name` is part of every idempotency key sent to it: it is never used for another."""

    name: Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}\Z")]
    timeout_seconds: Seconds = 10.0
    min_interval_seconds: Pause = 0.0  # between two messages, for a receiver that cannot take them in a row

    @property
    def connector(self) -> str:
        """Which connector speaks to it."""
        return cast("str", self.__struct_config__.tag)


class HttpDestination(Destination, frozen=True, kw_only=True):
    """A receiving system with an HTTP interface. A client certificate needs both files (mutual TLS)."""

    base_url: Url
    ca_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
