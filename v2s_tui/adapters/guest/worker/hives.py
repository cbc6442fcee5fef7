"""Verbs that read and edit Windows registry hives."""

import base64
from typing import Any

from v2s_tui.adapters.guest.worker.changing import Changing


class Hives(Changing):
    """Keys are written with backslashes, from the hive's root."""

    def hive_read(self, path: str, keys: list[str]) -> list[dict[str, Any] | None]:
        """For each key: its values as [type, base64] and its subkeys' names; None when it is missing."""
        self.guest.hivex_open(path)
        try:
            return [self._key(key) for key in keys]
        finally:
            self.guest.hivex_close()

    def _node(self, key: str) -> int:
        """A key's node; 0 when it is missing."""
        node: int = self.guest.hivex_root()
        for name in key.split("\\"):
            node = self.guest.hivex_node_get_child(node, name)
            if not node:
                return 0
        return node

    def _key(self, key: str) -> dict[str, Any] | None:
        node = self._node(key)
        if not node:
            return None
        values = {}
        for value in self.guest.hivex_node_values(node):
            handle = value["hivex_value_h"]
            data = self.guest.hivex_value_value(handle)
            kind = self.guest.hivex_value_type(handle)
            values[self.guest.hivex_value_key(handle)] = [kind, base64.b64encode(data).decode()]
        children = [
            self.guest.hivex_node_name(each["hivex_node_h"]) for each in self.guest.hivex_node_children(node)
        ]
        return {"values": values, "keys": children}

    def hive_edit(self, path: str, edits: list[dict[str, Any]], reason: str) -> list[dict[str, Any]]:
        """Set values, making keys; the hive is saved first and written only when a value differs."""
        before = self._fingerprint(path)
        self.guest.hivex_open(path, write=True)
        try:
            changed = [self._set(edit["key"], value) for edit in edits for value in edit["values"]]
            if not any(changed):
                return []
            saved = self._save(path)
            self.guest.hivex_commit(None)
        finally:
            self.guest.hivex_close()
        record = self._record("write", path, reason, before, saved)
        self._remember([record])
        self.guest.sync()
        return [record]

    def _set(self, key: str, value: dict[str, Any]) -> bool:
        data = base64.b64decode(value["data"])
        present = self._key(key)
        old = (present or {"values": {}})["values"].get(value["name"])
        if old == [value["kind"], value["data"]]:
            return False
        node: int = self.guest.hivex_root()
        for name in key.split("\\"):
            node = self.guest.hivex_node_get_child(node, name) or self.guest.hivex_node_add_child(node, name)
        self.guest.hivex_node_set_value(node, value["name"], value["kind"], data)
        return True
