"""Every screen and dialog in every mode a terminal may force: ASCII, NO_COLOR, few colours, each theme."""

from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import app_under_test
import pytest
from app_under_test import app_on_fakes, batch_in_flight, settled, watched
from rich.color import Color, ColorSystem
from rich.segment import Segment
from textual.pilot import Pilot
from textual.screen import ModalScreen

from v2s_tui.tui.app import V2sApp
from v2s_tui.tui.looks import THEMES, first_theme

SIZE = (80, 24)
STILL_TOO_FAINT = 4.5
DEFAULTS = {"ansi-dark": ((192, 192, 192), (0, 0, 0)), "ansi-light": ((0, 0, 0), (255, 255, 255))}
"""What a terminal with 16 colours draws with where the app says nothing: text, background."""
LOOKS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("inventory", ()),
    ("filter", ("space", "space", "slash", *"os:l")),
    ("filter error", ("ctrl+u", *"cpu:x")),
    ("facets", ("ctrl+u", "enter", "f")),
    ("columns", ("f", "O")),
    ("sort", ("escape", "s")),
    ("sizing", ("escape", "a", "p")),
    ("types", ("t",)),
    ("plan", ("escape", "3")),
    ("findings", ("f",)),
    ("open", ("escape", "ctrl+o")),
    ("estimate", ("escape", "4")),
    ("run", ("5",)),
    ("failure", ("G", "i")),
    ("abort", ("escape", "X")),
    ("batches", ("escape", "6")),
    ("help", ("question_mark",)),
    ("palette", ("escape", "colon")),
    ("themes", ("escape", "ctrl+t")),
)


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


async def tour(pilot: Pilot[int]) -> AsyncIterator[str]:
    """Each screen and dialog in turn, with what is in it."""
    app = pilot.app
    assert isinstance(app, V2sApp)
    await settled(pilot)
    for name, keys in LOOKS:
        for key in keys:
            await pilot.press(key)
        await settled(pilot)
        if name == "run":
            watched(app, batch_in_flight(gate=True))
            await pilot.pause()
        yield name
    app.notify("text", title="title", severity="error")
    app.notify("text", title="title")
    await pilot.pause()
    yield "toasts"


def drawn(app: V2sApp) -> Iterable[Segment]:
    """What the screen in front shows; behind a dialog everything is faint on purpose."""
    strips = app.screen._compositor.render_strips()
    boxes = app.screen.query(".modal-box, CommandPalette > Vertical")
    box = next(iter(boxes), None) if isinstance(app.screen, ModalScreen) else None
    if box is not None:
        place = box.region.shrink((1, 1, 1, 1))
        strips = [strip.crop(place.x, place.right) for strip in strips[place.y : place.bottom]]
    return [segment for strip in strips for segment in strip if segment.text.strip()]


async def test_ascii_mode_draws_no_other_character_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("V2S_ASCII", "1")
    names = ("büro-数据库-01", "a-name-that-is-much-longer-than-its-column-can-ever-be-on-a-small-screen-01")
    monkeypatch.setattr(app_under_test, "NAMES", (*app_under_test.NAMES, *names))
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        async for name in tour(pilot):
            found = {each for segment in drawn(app) for each in segment.text if not each.isascii()}
            assert not found, name
            if name == "inventory":
                assert "buro-??????-01" in "".join(segment.text for segment in drawn(app))
        app.action_ascii()
        await pilot.pause()
        assert any(not segment.text.isascii() for segment in drawn(app))


def luminance(colour: tuple[int, int, int]) -> float:
    """As WCAG 2 defines it, 0 to 1."""
    parts = [value / 255 for value in colour]
    red, green, blue = (
        each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
    """As WCAG 2 defines it, 1 to 21."""
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def faint(segments: Iterable[Segment], theme: str, system: ColorSystem) -> list[str]:
    """Texts that are hard to read when that many colours are there."""
    text, background = DEFAULTS.get(theme, ((224, 224, 224), (18, 18, 18)))

    def seen(colour: Color | None, otherwise: tuple[int, int, int]) -> tuple[int, int, int]:
        if colour is None or colour.is_default:
            return otherwise
        return tuple(colour.downgrade(system).get_truecolor())  # type: ignore[return-value]

    found = []
    for segment in segments:
        if segment.style is None or not any(each.isalnum() for each in segment.text):
            continue
        ratio = contrast(seen(segment.style.color, text), seen(segment.style.bgcolor, background))
        if ratio < STILL_TOO_FAINT:
            found.append(f"{ratio:.1f} {segment.text.strip()!r} {segment.style}")
    return found


@pytest.mark.slow
async def test_text_is_legible_in_every_theme_also_when_its_colours_are_rounded(tmp_path: Path) -> None:
    app, found = app_on_fakes(tmp_path), []
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        async for name in tour(pilot):
            for button in app.screen.query("Button:disabled"):
                button.disabled = False
            for theme in THEMES:
                app.theme = theme
                await pilot.pause()
                systems = (
                    (ColorSystem.STANDARD,)
                    if theme in DEFAULTS
                    else (ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT)
                )
                for system in systems:
                    where = f"{name}, {theme}, {system.name}:"
                    found += [f"{where} {each}" for each in faint(drawn(app), theme, system)]
            app.theme = next(iter(THEMES))
    if found:
        pytest.fail("\n".join(found))


@pytest.mark.parametrize("theme", THEMES)
async def test_no_color_leaves_greys_and_loses_no_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, theme: str
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = app_on_fakes(tmp_path)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        app.theme = theme
        await pilot.press("5")
        watched(app, batch_in_flight(gate=True))
        await settled(pilot)
        assert not faint(drawn(app), theme, ColorSystem.EIGHT_BIT)
        text = "".join(segment.text for segment in drawn(app))
        assert all(word in text for word in ("GATE after wave production", "FAIL", "ok"))
        for segment in drawn(app):
            for colour in (segment.style.color, segment.style.bgcolor) if segment.style else ():
                if colour is not None and not colour.is_default:
                    assert len(set(colour.get_truecolor())) == 1, segment


def test_a_terminal_with_sixteen_colours_is_drawn_with_its_own() -> None:
    assert first_theme("standard") == "ansi-dark"
    assert first_theme("256") == first_theme("truecolor") == first_theme(None) == "textual-dark"
