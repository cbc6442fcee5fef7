"""A modal that follows a growing text: a runner's log, what a VM does now."""

from collections.abc import Callable, Sequence

from textual.containers import VerticalScroll
from textual.widgets import Static

from v2s_tui.tui.modals.text_view import TextView

_LOOK_SECONDS = 1.0
NO_LOG = "this batch has no log here: its runner writes to its own terminal"


class LiveText(TextView):
    """Asks for its lines anew every second, and stays at the end unless the operator scrolled up."""

    def __init__(self, title: str, read: Callable[[], Sequence[str]], *, at_end: bool = True) -> None:
        """read: quick; called on the event loop. at_end: begin at the newest lines."""
        super().__init__(title, read())
        self._read = read
        self._at_end = at_end

    def on_mount(self) -> None:
        """Begin at the end, and follow."""
        if self._at_end:
            self.call_after_refresh(self._scroller.scroll_end, animate=False)
        self.set_interval(_LOOK_SECONDS, self._look)

    @property
    def _scroller(self) -> VerticalScroll:
        return self.query_one("#text-view", VerticalScroll)

    def _look(self) -> None:
        text = "\n".join(self._read())
        if text == self._text:
            return
        self._text = text
        scroller = self._scroller
        follow = self._at_end and scroller.scroll_offset.y >= scroller.max_scroll_y - 1
        scroller.query_one(Static).update(text)
        if follow:
            self.call_after_refresh(scroller.scroll_end, animate=False)
