"""Any text in ASCII, cell for cell: for terminals, fonts and readers that know nothing else."""

import unicodedata

from rich.cells import cell_len, get_character_cell_size

_ALIKE = str.maketrans(
    {
        **dict.fromkeys("─━═╌╍┄┅┈┉▔▁\u2010\u2011\u2012\u2013\u2014\u2015", "-"),
        **dict.fromkeys("│┃║╎╏┆┇┊┋▏▎▍▌▋▊▉▐▕", "|"),
        **dict.fromkeys("┌┐└┘├┤┬┴┼┏┓┗┛┣┫┳┻╋╔╗╚╝╠╣╦╩╬╭╮╰╯", "+"),
        **dict.fromkeys("▂▃▄▅▆▇░", " "),
        **dict.fromkeys("█▒▓", "#"),
        **dict.fromkeys("→▶▸▹»", ">"),
        **dict.fromkeys("←◀◂«", "<"),
        **dict.fromkeys("↑▲△", "^"),
        **dict.fromkeys("↓▼▽", "v"),
        **dict.fromkeys("•●■◆", "*"),
        **dict.fromkeys("○□◇", "o"),
        **dict.fromkeys("\u2018\u2019\u201a\u2032", "'"),
        **dict.fromkeys("\u201c\u201d\u201e\u2033", '"'),
        "…": "~", "·": ".", "\u00d7": "x", "✓": "+", "✔": "+", "✗": "x", "€": "E", "\u00a0": " ",
    }
)  # fmt: skip


def plain_ascii(text: str) -> str:
    """The text with every other character replaced by one alike, its letter without accent, or `?`.

    As many cells wide as before: columns stay where they are.
    """
    return text if text.isascii() else "".join(map(_plain, text.translate(_ALIKE)))


def _plain(character: str) -> str:
    if character.isascii():
        return character
    letters = "".join(part for part in unicodedata.normalize("NFKD", character) if part.isascii())
    width = get_character_cell_size(character)
    return letters if letters and cell_len(letters) == width else "?" * width
