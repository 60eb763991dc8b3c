"""What ends a command beside Octavo's own errors: settings of the machine, of a disk or a store, that somebody can mend."""

from __future__ import annotations

import errno
import sys

from octavo.model.errors import OctavoError, SettingsError, StoreUnavailable, ToolMissing

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
# What s3fs and its kin make of a server's 5xx after their own tries, beside time-outs.
UNANSWERED = frozenset({errno.EBUSY, errno.EIO})
DENIED = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
PLACES = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP})
# The packages of object stores, and the extras that bring them.
EXTRAS = {"s3fs": "s3", "boto": "s3", "gcsfs": "gcs", "google": "gcs", "adlfs": "azure", "azure": "azure"}
AGAIN = "what was done is kept; run the same again"


def as_known(error: Exception) -> OctavoError | None:
    """The error as one that names thing and remedy; None for what nobody but a developer can mend."""
    if isinstance(error, OctavoError):
        return error
    if isinstance(error, ImportError):
        return _missing(error)
    if isinstance(error, OSError):
        return _refused(error)
    return _store(error)


def _missing(error: ImportError) -> OctavoError | None:
    said = f"{error.name or ''} {error}".lower()
    extra = next((extra for package, extra in EXTRAS.items() if package in said), None)
    if extra is None:
        return None
    return ToolMissing(f"{error}: the package of this object store is missing; install it with: pip install 'octavo[{extra}]'")


def _refused(error: OSError) -> OctavoError | None:
    named = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    if error.errno in FULL:
        return StoreUnavailable(f"{named}: the disk is full; make room, {AGAIN}")
    if isinstance(error, TimeoutError | ConnectionError) or error.errno in UNANSWERED:
        return StoreUnavailable(f"a disk or an object store did not answer ({named}); {AGAIN} later")
    if error.errno in DENIED:
        return SettingsError(f"{named}; let this user read and write there, or name another place")
    if error.errno in PLACES and error.filename:
        return SettingsError(f"{named}; look at the path, or name another one")
    return None


def _store(error: Exception) -> OctavoError | None:
    """What S3's client raises beside ``OSError``, where that is loaded."""
    s3 = sys.modules.get("botocore.exceptions")
    if s3 and isinstance(error, s3.NoCredentialsError | s3.PartialCredentialsError):
        return SettingsError(f"the object store wants keys ({error}); set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role")
    if s3 and isinstance(error, s3.ConnectionError | s3.HTTPClientError):
        return StoreUnavailable(f"an object store did not answer ({error}); {AGAIN} later")
    return None
