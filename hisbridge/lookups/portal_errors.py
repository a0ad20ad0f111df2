"""What only asking for nobody brings to light about the account at the insurance portal (services.md 1.4)."""

from hisbridge.errors import PortalError, PortalSetup


class PortalOfficerUnknown(PortalSetup):
    """The officer's ID number is not on the facility's list at the portal (result code 054)."""

    code = "portal.officer_unknown"


class PortalOfficerName(PortalSetup):
    """The officer's name is not the one the portal holds for that ID number (result code 055)."""

    code = "portal.officer_name"


class PortalParameters(PortalSetup):
    """The portal does not accept the form of our question (result code 205)."""

    code = "portal.parameters"


class PortalRegisterDown(PortalError):
    """The portal answers, but says that it cannot read its own register (`result`: its code)."""

    code = "portal.register_down"
