"""Devices and card standards. Produces a `Reading`; never imports kiosk, hisbridge, ui or Flask."""
