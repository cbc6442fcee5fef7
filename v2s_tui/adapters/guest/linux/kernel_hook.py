"""A hook that keeps the menu on the ESP in step with the guest's kernels, for guests with entry files (BLS).

A generic GRUB cannot follow such entries, so the menu there is static; after a kernel is installed or removed
the guest writes it anew, with a shell and nothing else.
"""

from v2s_tui.adapters.guest.linux.view import GuestView
from v2s_tui.domain.guest.changes import Change, ChangeKind

PROGRAM = "/usr/local/sbin/v2s-update-esp"
_HOOKS = ("/etc/kernel/install.d/95-v2s-esp.install", "/etc/kernel/postinst.d/zz-v2s-esp")

_SCRIPT = r"""#!/bin/sh
# Written by v2s: rewrites the boot menu on the EFI system partition from /boot/loader/entries.
set -eu
menu=/boot/efi/EFI/BOOT/grub.cfg
grep -q '^# Written by v2s' "$menu" 2>/dev/null || exit 0
environment=/boot/grub2/grubenv
[ -r "$environment" ] || environment=/boot/grub/grubenv
kernelopts=$(sed -n 's/^kernelopts=//p' "$environment" 2>/dev/null || true)
[ -n "$kernelopts" ] || kernelopts=$(sed -n \
    's/^[[:space:]]*set \(default_\)\{0,1\}kernelopts="\(.*\)"[[:space:]]*$/\2/p' \
    "${environment%/*}/grub.cfg" 2>/dev/null | head -n 1)
saved=$(sed -n 's/^saved_entry=//p' "$environment" 2>/dev/null || true)
partial="$menu.new"
field() { sed -n "s/^$1[[:space:]][[:space:]]*//p" "$2" | head -n 1; }
entry() {
    kernel=$(field linux "$1"); [ -n "$kernel" ] || return 0
    options=$(field options "$1" | sed "s|\$kernelopts|$kernelopts|; s/\$[a-z_]*//g; s/[;&|<>{}\\\\]/\\\\&/g")
    images=
    for image in $(field initrd "$1" | sed 's/\$[a-z_]*//g'); do images="$images (\$root)$image"; done
    title=$(field title "$1" | tr -cd 'A-Za-z0-9 .,()/+-')
    printf 'menuentry "%s" {\n    linux ($root)%s %s\n' "$title" "$kernel" "$options"
    [ -z "$images" ] || printf '    initrd%s\n' "$images"
    printf '}\n'
}
{
    sed -n '/^menuentry/q;p' "$menu"
    [ ! -f "/boot/loader/entries/$saved.conf" ] || entry "/boot/loader/entries/$saved.conf"
    for file in $(ls /boot/loader/entries/*.conf | sort -rV); do
        [ "$file" = "/boot/loader/entries/$saved.conf" ] || entry "$file"
    done
} > "$partial"
grep -q '^menuentry' "$partial" && mv "$partial" "$menu" || rm -f "$partial"
"""


def plan_kernel_hook(view: GuestView) -> tuple[Change, ...]:
    """The program and the two places from which kernel packages call it."""
    reason = "the boot menu on the ESP must follow kernel updates"
    wanted = {PROGRAM: _SCRIPT} | dict.fromkeys(_HOOKS, f"#!/bin/sh\n# Written by v2s.\n{PROGRAM} || true\n")
    return tuple(
        Change(ChangeKind.WRITE, path, reason, content=text.encode(), mode=0o755)
        for path, text in wanted.items()
        if view.read_text(path) != text
    )
