"""Is the schema the one that this code was written for?"""

from core.health.status import Check, Status
from core.migrations import MigrationStatus
from core.phrases import counted
from core.reading import Reading


def check(migrations: Reading[MigrationStatus]) -> Check:
    state = migrations.value
    if not migrations.ok or state is None:
        return Check("migrations", Status.UNKNOWN, migrations.problem("The schema"), migrations.tried_at)
    if state.ahead:
        detail = f"The database is at {state.current}, which this version of Signalist does not know."
        return Check("migrations", Status.DEGRADED, detail, migrations.tried_at)
    if state.current is None:
        return Check("migrations", Status.UNHEALTHY, "The database is empty: run the migrations.", migrations.tried_at)
    if state.pending:
        detail = f"{counted(len(state.pending), 'revision')} pending: {', '.join(state.pending)}."
        return Check("migrations", Status.DEGRADED, detail, migrations.tried_at)
    return Check("migrations", Status.HEALTHY, f"At {state.current}, the newest.", migrations.tried_at)
