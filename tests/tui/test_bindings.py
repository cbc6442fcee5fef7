"""Every key does something that exists, and what can be rebound has one id for one action."""

import importlib
import inspect
import pkgutil
from collections import Counter
from collections.abc import Iterator

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode

import v2s_tui.tui
from v2s_tui.tui.app import V2sApp


def our_nodes() -> Iterator[type[DOMNode]]:
    """Our own classes that can have keys."""
    for each in pkgutil.walk_packages(v2s_tui.tui.__path__, "v2s_tui.tui."):
        module = importlib.import_module(each.name)
        for _, found in inspect.getmembers(module, inspect.isclass):
            if issubclass(found, DOMNode) and found.__module__ == module.__name__:
                yield found


def bindings() -> Iterator[tuple[type[DOMNode], Binding]]:
    for node in our_nodes():
        for each in vars(node).get("BINDINGS", ()):
            assert isinstance(each, Binding)
            yield node, each


def test_every_key_has_its_action() -> None:
    for node, binding in bindings():
        name = binding.action.partition("(")[0]
        where: type[DOMNode] = V2sApp if name.startswith("app.") else node
        if binding.description or not issubclass(node, App):
            assert hasattr(where, f"action_{name.removeprefix('app.')}"), (node.__name__, binding)


def test_an_id_means_one_action() -> None:
    named = Counter({(each.id, each.action.partition("(")[0]) for _, each in bindings() if each.id})
    ids = Counter(name for name, _ in named)
    assert [name for name, times in ids.items() if times > 1] == []
