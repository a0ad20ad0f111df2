"""Files in a folder, for systems with no interface; and the check-in XML (XML0) of decision 4750."""

from typing import Annotated, Literal

from msgspec import Meta

from config.destinations.base import Destination


class FileDropDestination(Destination, frozen=True, kw_only=True, tag="file_drop"):
    """A folder that the receiving system empties; each record is one file, there whole or not at all."""

    folder: str
    form: Literal["json", "csv", "xml1"] = "json"
    byte_order_mark: bool = False  # before CSV, for spreadsheets
    most_waiting: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000  # files left lying: then nobody empties it


class CheckinXmlDestination(Destination, frozen=True, kw_only=True, tag="checkin_xml"):
    """The check-in table (XML0): drafts into `folder`, or, where the hospital system delegates it, to the portal."""

    folder: str = ""
    submit: bool = False
    base_url: str = ""
    token_path: str = "/api/token/take"  # noqa: S105 - an address
    path: str = "/api/qd130/checkInKcbQd4750"
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    visit_type: Annotated[str, Meta(pattern=r"^[0-9]{2}\Z")] = "01"  # MA_LOAI_KCB
    service_code: str = ""  # MA_DICH_VU of the first cost, usually the examination fee
    service_name: str = ""
