"""grub.cfg and /etc/default/grub: text in, text out, and reading what they boot.

A generated grub.cfg is edited line by line rather than generated anew: grub-mkconfig inside the guest takes
minutes under emulation and runs foreign code. /etc/default/grub gets the same edit so that it lasts.
"""

import re
from dataclasses import replace

from v2s_tui.adapters.guest.boot.command_line import StableName, edit_command_line, without_variables
from v2s_tui.domain.guest.facts import BootEntry

_LINUX = re.compile(r"^(?P<indent>\s*)(?P<command>linux(?:16|efi)?)(?P<gap>\s+)(?P<kernel>\S+)(?P<rest>.*)$")
_INITRD = re.compile(r"^(?P<indent>\s*)(?P<command>initrd(?:16|efi)?)(?P<gap>\s+)(?P<rest>.*)$")
_ENTRY = re.compile(r"""^\s*menuentry\s+(?:'(?P<single>[^']*)'|"(?P<double>[^"]*)"|(?P<bare>\S+))""")
_LEGACY_KERNEL = re.compile(r"^(?P<head>\s*kernel\s+\S+)(?P<rest>[^\r\n]*)")
_MSDOS = re.compile(r"\b(hd\d+),msdos(\d+)")
_KEY = re.compile(r"^(?P<key>GRUB_CMDLINE_LINUX(?:_DEFAULT|_RECOVERY)?)=(?P<value>.*)$")
_VALUE = re.compile(
    r"""(?:(?P<quote>["'])(?P<quoted>(?:(?!(?P=quote))[^\\]|\\.)*)(?P=quote)|(?P<bare>[^\s"'#;\\]*))"""
    r"""(?P<comment>|\s+#.*)\s*$"""
)
"""One word as the shell reads it, with what may follow on its line."""
_KERNELOPTS = re.compile(
    r"""^(?P<head>\s*set\s+(?:default_)?kernelopts=["']?)(?P<value>[^"']*)(?P<tail>["']?\s*)$""", re.MULTILINE
)
_NO_UUID = re.compile(r"""^\s*GRUB_DISABLE_LINUX_UUID=["']?true["']?\s*$""")
_FORCED = re.compile(r"^\s*GRUB_FORCE_PARTUUID=\S")
_WITHOUT_INITRD = re.compile(r'^(?P<head>\s*if \[ )"\$\{initrdfail\}"(?P<tail> = 1 \]; then\s*)$')


def edit_grub_config(text: str, stable_name: StableName, *, root: str, to_efi: bool) -> str:
    """grub.cfg with every kernel line edited, and the variable that entry files may take their options from.

    Ubuntu's cloud images try a boot without initramfs first, which needs all drivers in the kernel, panic and
    boot again with it; the initramfs is used at once. to_efi: linux16/initrd16 become linux/initrd (the
    16-bit forms do not exist in GRUB for UEFI) and (hd0,msdos1) becomes (hd0,gpt1), as the numbers stay.
    """
    return "".join(_edited(line, stable_name, root, to_efi) for line in text.splitlines(keepends=True))


def _edited(line: str, stable_name: StableName, root: str, to_efi: bool) -> str:
    body = line.rstrip("\r\n")
    ending = line[len(body) :]
    if to_efi:
        body = _MSDOS.sub(r"\1,gpt\2", body)
    if (match := _LINUX.match(body)) and not match["kernel"].endswith((".elf", ".bin")):
        command = "linux" if to_efi else match["command"]
        arguments = edit_command_line(match["rest"], stable_name, root=root)
        body = f"{match['indent']}{command}{match['gap']}{match['kernel']} {arguments}"
    elif match := _KERNELOPTS.match(body):
        value = edit_command_line(match["value"], stable_name, root=root)
        body = f"{match['head']}{value}{match['tail']}"
    elif match := _WITHOUT_INITRD.match(body):
        body = f'{match["head"]}"1"{match["tail"]}'
    elif to_efi and (match := _INITRD.match(body)):
        body = f"{match['indent']}initrd{match['gap']}{match['rest']}"
    return body + ending


def grub_entries(text: str) -> tuple[BootEntry, ...]:
    """Entries of a grub.cfg that boot a Linux kernel, in order, with their paths as GRUB sees them."""
    found: list[BootEntry] = []
    title, kernel, arguments = "", "", ""
    for line in text.splitlines():
        if match := _ENTRY.match(line):
            title, kernel = match["single"] or match["double"] or match["bare"] or "", ""
        elif title and (match := _LINUX.match(line)):
            kernel, arguments = _without_device(match["kernel"]), without_variables(match["rest"].strip())
        elif kernel and (match := _INITRD.match(line)):
            images = tuple(_without_device(word) for word in match["rest"].split() if "$" not in word)
            found.append(BootEntry(title, kernel, images, arguments))
            title, kernel = "", ""
    return tuple(found)


def legacy_entries(text: str) -> tuple[BootEntry, ...]:
    """Entries of a menu.lst or grub.conf of GRUB 0.97, its default first."""
    found: list[BootEntry] = []
    default = 0
    for line in text.splitlines():
        word, *others = re.split(r"[\s=]+", line.strip(), maxsplit=1)
        rest = others[0] if others else ""
        if word == "default" and rest.strip().isdigit():
            default = int(rest)
        elif word == "title":
            found.append(BootEntry(rest.strip(), "", (), ""))
        elif word == "kernel" and found:
            path, _, arguments = rest.strip().partition(" ")
            found[-1] = replace(found[-1], kernel=_without_device(path), command_line=arguments.strip())
        elif word == "initrd" and found:
            found[-1] = replace(found[-1], initramfs=(_without_device(rest.strip()),))
    chosen = found[default : default + 1]
    return tuple(entry for entry in chosen + [each for each in found if each not in chosen] if entry.kernel)


def edit_legacy_config(text: str, stable_name: StableName, *, root: str) -> str:
    """menu.lst or grub.conf with every kernel line edited."""
    return "".join(_edited_legacy(line, stable_name, root) for line in text.splitlines(keepends=True))


def _edited_legacy(line: str, stable_name: StableName, root: str) -> str:
    match = _LEGACY_KERNEL.match(line)
    if match is None:
        return line
    ending = line[len(line.rstrip("\r\n")) :]
    return f"{match['head']} {edit_command_line(match['rest'], stable_name, root=root)}{ending}"


def _without_device(path: str) -> str:
    return re.sub(r"^\([^)]*\)|^\$\{?\w+\}?(?=/)", "", path.strip("\"'"))


def kernel_options_variable(text: str) -> str:
    """Value of `set kernelopts=` in a grub.cfg of the RHEL family; "" when it has none."""
    match = _KERNELOPTS.search(text)
    return match["value"] if match else ""


def uses_blscfg(text: str) -> bool:
    """True when the menu comes from Boot Loader Specification entries."""
    return re.search(r"^\s*blscfg\b", text, re.MULTILINE) is not None


def edit_default_grub(text: str, stable_name: StableName, *, root: str, snippet: bool = False) -> str:
    """/etc/default/grub with the command lines edited; the serial console goes to GRUB_CMDLINE_LINUX.

    Values keep their quotes and comments. When the key is missing it is added, but not to a snippet of
    /etc/default/grub.d; a value that is no single word of the shell (continued on the next line) stays as it
    is and is added to. Settings by which grub-mkconfig would name the root by its device, or boot it without
    an initramfs, are commented out.
    """
    lines, seen, before = [], snippet, ""
    for line in text.splitlines():
        match = _KEY.match(line)
        value = _VALUE.match(match["value"]) if match else None
        main = match is not None and match["key"] == "GRUB_CMDLINE_LINUX" and not snippet
        if match is None or value is None:
            before = "$GRUB_CMDLINE_LINUX" if main else before
            lines.append(f"# by v2s: {line}" if _NO_UUID.match(line) or _FORCED.match(line) else line)
            continue
        seen = seen or main
        quote, words = value["quote"] or '"', value["quoted"] or value["bare"] or ""
        edited = edit_command_line(words, stable_name, root=root, serial=main)
        lines.append(f"{match['key']}={quote}{edited}{quote}{value['comment']}")
    if not seen:
        lines.append(f'GRUB_CMDLINE_LINUX="{edit_command_line(before, stable_name, root=root)}"')
    return text if lines == text.splitlines() else "\n".join(lines) + "\n"
