"""What the serial console says about a boot: signs of progress and of failure."""

import re

from v2s_tui.domain.guest.evidence import EvidenceLevel

_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_=>()#][0-9A-Za-z]?)"
)
_UNPRINTABLE = re.compile(r"[^\t\n\x20-\x7e\xa0-\ufffc]")
_GAP = re.compile(r" {12,}")
_COUNTDOWN = re.compile(r"will be executed automatically in \d+s\.\s*\Z")

_SIGNS = (
    (EvidenceLevel.FIRMWARE, re.compile(r"BdsDxe: starting Boot\w+|GNU GRUB|Welcome to GRUB|GRUB loading")),
    (EvidenceLevel.KERNEL, re.compile(r"Linux version \d\S*|EFI stub: .*|Booting Linux on physical CPU")),
    (EvidenceLevel.USERSPACE, re.compile(r"^\S{0,64} ?login: ", re.MULTILINE)),
)
_FAILURES = (
    (re.compile(r"^Shell> ", re.MULTILINE), "the firmware found nothing to boot and opened its shell"),
    (re.compile(r"No bootable (?:option|device)|not a bootable disk"), "the firmware found nothing to boot"),
    (re.compile(r"grub rescue>"), "GRUB cannot read its own files"),
    (re.compile(r"Failed to boot both default and fallback entries"), "GRUB could boot none of its entries"),
    (re.compile(r"^grub> ", re.MULTILINE), "GRUB has no configuration and waits at its prompt"),
    (
        re.compile(r"ALERT!\s+(\S+) does not exist"),
        "the root device is not there: a driver is missing or the name is wrong",
    ),
    (re.compile(r"\(initramfs\)"), "the initramfs did not find the root file system"),
    (
        re.compile(r"dracut:/#|dracut-initqueue\S*: timeout|Warning: /dev/\S+ does not exist"),
        "dracut did not find the root file system",
    ),
    (re.compile(r"Kernel panic - not syncing: (.*)"), "the kernel panicked"),
    (
        re.compile(r"[Ee]mergency mode|Give root password for maintenance"),
        "the system fell into emergency mode",
    ),
    (
        re.compile(r"Please enter passphrase for disk|unlock the encrypted|A passphrase is required"),
        "an encrypted disk asks for its passphrase; this cannot be proven",
    ),
)

_STARVED = re.compile(
    r"IO-APIC \+ timer doesn't work|rcu\w* kthread starved for \d+ jiffies|BUG: soft lockup - CPU#\d+ stuck"
)
_OUT_OF_MEMORY = re.compile(r"invoked oom-killer|Out of memory: Kill|System is deadlocked on memory")


def console_text(raw: bytes) -> str:
    """Readable text of a console: escape sequences and control characters removed; a wide gap, as screens
    positioned by the cursor leave it, becomes a new line.
    """
    text = _ESCAPES.sub(b"", raw).decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return _GAP.sub("\n", _UNPRINTABLE.sub("", text))


def signs_in(text: str) -> dict[EvidenceLevel, str]:
    """Levels that the text shows, each with the words that show it."""
    found = ((level, pattern.search(text)) for level, pattern in _SIGNS)
    return {level: match[0].strip() for level, match in found if match}


def failure_in(text: str) -> str:
    """Why the boot cannot succeed any more; "" as long as it can."""
    for pattern, meaning in _FAILURES:
        match = pattern.search(text)
        if match:
            return f"{meaning} ({match[0].strip()})"
    return ""


def host_starved_it(text: str) -> bool:
    """True where an emulated machine on a busy host lost its timer, which says nothing about the guest.

    Linux finds no tick while it counts them (arch/x86/kernel/apic/io_apic.c, check_timer), or later a
    processor whose timer went silent (kernel/rcu/tree_stall.h) or that did not run (kernel/watchdog.c).
    """
    return _STARVED.search(text) is not None


def ran_out_of_memory(text: str) -> bool:
    """True where Linux ended processes for want of memory, or itself (mm/oom_kill.c)."""
    return _OUT_OF_MEMORY.search(text) is not None


def menu_waits(text: str) -> bool:
    """True while a GRUB menu counts down: nothing was printed after its last number."""
    return _COUNTDOWN.search(text) is not None


def tail_of(text: str, *, lines: int = 40) -> str:
    """The last lines that say something."""
    return "\n".join([line for line in text.splitlines() if line.strip()][-lines:])
