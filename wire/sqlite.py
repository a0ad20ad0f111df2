"""The one door to SQLite: SQLCipher's build of it, which encrypts whole pages where a key is given and is plain SQLite
where none is (docs/decisions/0017). The standard library's module has no encryption, so nothing else may be used on
the product's database.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the same interface (PEP 249 and what the standard module adds)
    import sqlite3 as _module
else:
    from sqlcipher3 import dbapi2 as _module

Connection = _module.Connection
Cursor = _module.Cursor
DatabaseError = _module.DatabaseError
Error = _module.Error
IntegrityError = _module.IntegrityError
OperationalError = _module.OperationalError
Row = _module.Row
connect = _module.connect
sqlite_version = _module.sqlite_version
