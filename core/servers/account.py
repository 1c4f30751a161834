"""Which account a server runs under, and that it never outlives the process that started it.

Postgres refuses to run as root. Started by root, the servers run as the owner of the data dir, or as `nobody`, with one
capability in place of root's powers: to pass through folders that are closed to others, such as root's own home. So
no permission of any folder has to be opened for them.

On Linux the kernel signals each child when its parent ends, however that ends. Elsewhere a parent that was killed with
-9 leaves its children running; the next start on the same data dir ends the servers among them.
"""

import ctypes
import os
import pwd
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

# <linux/prctl.h> and <linux/capability.h>
_PR_SET_PDEATHSIG, _PR_SET_KEEPCAPS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 1, 8, 47, 2
_CAPABILITY_VERSION_3 = 0x20080522
# To read and search everything; containers often withhold it, and give the wider one, to write everything too.
_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE = 2, 1


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int

    def own(self, path: Path) -> None:
        """Gives the file or folder at `path` to this account."""
        os.chown(path, self.uid, self.gid)


def account_for(folder: Path) -> Account | None:
    """The account for servers with their data under `folder`; None means ours, as it does for everyone but root."""
    if os.geteuid() != 0:
        return None
    owner = folder.stat()
    if owner.st_uid != 0 and _has_name(owner.st_uid):
        return Account(owner.st_uid, owner.st_gid)
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def before_exec(account: Account | None, on_parent_death: signal.Signals) -> Callable[[], None]:
    """What a child does between fork and exec, for `preexec_fn`; start it from the main thread.

    The kernel takes the end of the thread that forked for the end of the parent.
    """
    parent = os.getpid()

    def prepare() -> None:
        if account is not None:
            _become(account)
        if sys.platform == "linux":
            # After the change of account, which clears it.
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(on_parent_death), 0, 0, 0)
            if os.getppid() != parent:
                os._exit(1)

    return prepare


def _has_name(uid: int) -> bool:
    # initdb asks for the name of its account and gives up without one.
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def _become(account: Account) -> None:
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setgroups([])
    os.setgid(account.gid)
    os.setuid(account.uid)
    if sys.platform == "linux":
        # Where neither is to be had, the server says itself which folder it cannot enter.
        _ = _keep_only(_CAP_DAC_READ_SEARCH) or _keep_only(_CAP_DAC_OVERRIDE)


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class _Sets(ctypes.Structure):
    _fields_ = (("effective", ctypes.c_uint32), ("permitted", ctypes.c_uint32), ("inheritable", ctypes.c_uint32))


def _keep_only(capability: int) -> bool:
    bit = 1 << capability
    header, sets = _Header(_CAPABILITY_VERSION_3, 0), (_Sets * 2)(_Sets(bit, bit, bit), _Sets(0, 0, 0))
    if _LIBC.capset(ctypes.byref(header), ctypes.byref(sets)) != 0:
        return False
    # An ambient capability is the only kind that survives exec of an ordinary program.
    return bool(_LIBC.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, capability, 0, 0) == 0)


# Loaded before any fork: between fork and exec nothing may be imported or allocated at length.
_LIBC = ctypes.CDLL(None, use_errno=True)
