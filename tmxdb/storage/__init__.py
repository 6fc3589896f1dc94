"""Writing files so that each one is either complete under its final name or absent.

`Storage` is the data folder, whose files workers write. `write_user_file` writes a single file that the user named.
"""

from tmxdb.storage.data_folder import Storage, is_absolute
from tmxdb.storage.durable import sync_folder
from tmxdb.storage.names import id_in_name, id_name, is_below, safe_name
from tmxdb.storage.new_file import PARTIAL, NewFile, write_atomic
from tmxdb.storage.os_errors import disk_errors, unread
from tmxdb.storage.user_files import check_user_file, new_user_file, open_text, write_user_file
from tmxdb.storage.walking import walk

__all__ = [
    "PARTIAL",
    "NewFile",
    "Storage",
    "check_user_file",
    "disk_errors",
    "id_in_name",
    "id_name",
    "is_absolute",
    "is_below",
    "new_user_file",
    "open_text",
    "safe_name",
    "sync_folder",
    "unread",
    "walk",
    "write_atomic",
    "write_user_file",
]
