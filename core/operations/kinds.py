"""The kinds that there are."""

from collections.abc import Mapping

from core.indexes.drop_invalid import DropInvalid
from core.indexes.rebuild import Rebuild
from core.indexes.reembed import Reembed
from core.migrations.migrate import Downgrade, Upgrade
from core.operations.kind import Kind

_ALL: tuple[Kind, ...] = (Rebuild(), DropInvalid(), Reembed(), Upgrade(), Downgrade())
KINDS: Mapping[str, Kind] = {kind.name: kind for kind in _ALL}
