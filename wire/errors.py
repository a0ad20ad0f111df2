"""The one error tree. An error is a stable code, whether trying again helps, and data; words are made in `ui/`."""

from typing import ClassVar

Datum = str | int | float | bool | None


class TiepDonError(Exception):
    """Base of every error the product raises on purpose.

    `code` is stable and documented in `docs/operations.md`; `data` never holds personal data or a secret,
    because it is logged and shown.
    """

    code: ClassVar[str] = "internal"
    retriable: ClassVar[bool] = False

    def __init__(self, **data: Datum) -> None:
        super().__init__(self.code)
        self.data: dict[str, Datum] = data

    def __str__(self) -> str:
        facts = " ".join(f"{name}={value}" for name, value in self.data.items())
        return f"{self.code} {facts}".rstrip()


class RemoteError(TiepDonError):
    """An error that another process of ours reported over its socket; keeps that error's own code."""

    def __init__(self, code: str, retriable: bool = False, **data: Datum) -> None:
        super().__init__(**data)
        self.code = code  # type: ignore[misc]  # the one place where the code is data, not a class constant
        self.retriable = retriable  # type: ignore[misc]


class ServiceUnreachable(TiepDonError):
    """The process behind a Unix socket does not answer."""

    code = "wire.unreachable"
    retriable = True


class ServiceTimeout(TiepDonError):
    """The process behind a Unix socket did not answer in time."""

    code = "wire.timeout"
    retriable = True


class MalformedMessage(TiepDonError):
    """A message does not have the shape of the record it claims to be (`where`: path of the field)."""

    code = "wire.malformed"
