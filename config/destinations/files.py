"""Files in a folder, for systems with no interface; and the check-in XML (XML0) of decision 4750."""

from typing import Annotated, Literal

from msgspec import Meta

from config.destinations.base import Destination

FileName = Annotated[str, Meta(pattern=r"^[^/\x00]{0,100}\Z")]
UrlOrNone = Annotated[str, Meta(pattern=r"^(https?://[^\s]+)?\Z", max_length=2000)]
DistrictCode = Annotated[str, Meta(pattern=r"^[0-9]{0,3}\Z")]


class FolderDestination(Destination, frozen=True, kw_only=True):
    """A folder that somebody else empties. `timeout_seconds` bounds one write, also on a share that hangs.

    `marker`: a file that has to lie in the folder, so that nothing is written beneath a share that is not mounted.
    `taken_folder`: where the receiver moves what it has read; there a resend recognises its file.
    """

    folder: str
    most_waiting: Annotated[int, Meta(ge=1, le=1_000_000)] = 10_000  # files left lying: then nobody empties it
    marker: FileName = ""
    taken_folder: str = ""
    permissions: Literal["0600", "0640", "0660", "0644"] = "0640"  # of each file; ignored by shares that have none


class FileDropDestination(FolderDestination, frozen=True, kw_only=True, tag="file_drop"):
    """A folder that the receiving system empties; each record is one file, there whole or not at all."""

    form: Literal["json", "csv", "xml1"] = "json"
    byte_order_mark: bool = False  # before CSV, for spreadsheets
    district_code: DistrictCode = ""  # MAHUYEN_CU_TRU of XML1, an open question since districts ended (services.md 6.3)


class CheckinXmlDestination(FolderDestination, frozen=True, kw_only=True, tag="checkin_xml"):
    """The check-in table (XML0): drafts into `folder`, or, where the hospital system delegates it, to the portal.

    What cannot be submitted stays in `folder` for an officer.
    """

    submit: bool = False
    submit_synthetic: bool = False  # sandbox data too: to a training gateway only
    base_url: UrlOrNone = ""
    token_path: str = "/api/token/take"  # noqa: S105 - an address
    path: str = "/api/qd130/checkInKcbQd4750"  # or .../checkInKcbQd3176
    username: str = ""
    password_file: str = ""
    ca_file: str = ""
    success_texts: tuple[str, ...] = ("thành công", "success")  # in thongDiep; another text beside 200 is an error
    visit_type: Annotated[str, Meta(pattern=r"^[0-9]{2}\Z")] = "01"  # MA_LOAI_KCB where the visit has none
    patient_number: Literal["none", "personal_id"] = "none"  # MA_BN where the hospital's own is not known
    service_code: Annotated[str, Meta(max_length=50)] = ""  # MA_DICH_VU of the first cost, usually the examination fee
    service_name: Annotated[str, Meta(max_length=1024)] = ""
