"""The one door to SQLite: SQLCipher's build of it, which encrypts whole pages where a key is given and is plain SQLite
where none is (docs/decisions/0017). The standard library's module has no encryption, so nothing else may be used on
the product's database.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the same interface (PEP 249 and what the standard module adds)
    from sqlite3 import (
        Connection,
        Cursor,
        DatabaseError,
        Error,
        IntegrityError,
        OperationalError,
        Row,
        connect,
        sqlite_version,
    )
else:
    from sqlcipher3.dbapi2 import (
        Connection,
        Cursor,
        DatabaseError,
        Error,
        IntegrityError,
        OperationalError,
        Row,
        connect,
        sqlite_version,
    )

__all__ = [
    "Connection",
    "Cursor",
    "DatabaseError",
    "Error",
    "IntegrityError",
    "OperationalError",
    "Row",
    "connect",
    "sqlite_version",
]
