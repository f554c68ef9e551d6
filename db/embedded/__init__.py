"""PostgreSQL 18 and Valkey 9 from wheels, as child processes on loopback: nothing to install or set up.

What lies in the data directory (0700, by default ``.scoregraph``):

    passwords.json   passwords, made once (0600)
    ports.json       ports, kept as long as they are free
    running.json     lock and record of the running instance (0600)
    postgres/        the database cluster; postgres/log/ its log, a ring of seven days
    valkey/          what the event streams hold
    *.log            what the servers said while starting

Files: ``instance`` puts it together; ``postgres`` and ``valkey`` know one server each; ``launcher`` starts
processes that end with ours, ``orphans`` ends those that did not; ``programs`` finds the binaries; ``state``
reads and writes the small files above.
"""

from db.embedded.errors import AlreadyRunning, EmbeddedError
from db.embedded.instance import ADMIN, Embedded, Endpoints, grant_logins, read_endpoints

__all__ = ["ADMIN", "AlreadyRunning", "Embedded", "EmbeddedError", "Endpoints", "grant_logins", "read_endpoints"]
