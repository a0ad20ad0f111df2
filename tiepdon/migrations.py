"""The whole schema, in order: the one place that knows the migrations of kiosk and bridge together."""

from hisbridge.schema import MIGRATIONS as OUTBOX_MIGRATIONS
from kiosk.schema import MIGRATIONS as KIOSK_MIGRATIONS

MIGRATIONS = (*KIOSK_MIGRATIONS, *OUTBOX_MIGRATIONS)
