"""The programs of a small guest: shell scripts for busybox, in the initramfs and on the root file system.

They behave as a distribution does where it matters: the initramfs loads what conf/modules lists and fails
with Debian's words; the system reads fstab, names its NIC by udev's rules and configures it from the
configuration system of its shape.
"""

INITRAMFS_INIT = r"""#!/bin/busybox sh
# Behaves as initramfs-tools and dracut do: loads the listed drivers, finds root=, hands over.
export PATH=/bin
/bin/busybox mkdir -p /proc /sys /dev /newroot
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox --install -s /bin 2>/dev/null
echo "Loading, please wait..."
for module in $(cat /conf/modules /etc/modules-load.d/*.conf 2>/dev/null | grep -v '^#'); do
    modprobe -q "$module"
done
root=; options=ro
for word in $(cat /proc/cmdline); do
    case "$word" in
        root=*) root="${word#root=}" ;;
        rw) options=rw ;;
        rootflags=*) flags=",${word#rootflags=}" ;;
    esac
done
try=0
while [ $try -lt 40 ]; do
    case "$root" in
        UUID=*|LABEL=*) device=$(findfs "$root" 2>/dev/null) ;;
        *) device="$root" ;;
    esac
    [ -b "$device" ] && break
    device=
    try=$((try + 1))
    usleep 200000
done
if [ -z "$device" ] || ! mount -o "$options$flags" "$device" /newroot; then
    echo "ALERT!  $root does not exist.  Dropping to a shell!"
    echo "(initramfs) "
    while :; do sleep 60; done
fi
exec switch_root /newroot /sbin/init
"""

SYSTEM_INIT = r"""#!/bin/busybox sh
# /sbin/init of the small guest.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
exec </dev/console >/dev/console 2>&1
emergency() {
    echo "You are in emergency mode: $1"
    echo "Give root password for maintenance"
    while :; do sleep 60; done
}
load_by_alias() {
    for alias in /sys/bus/*/devices/*/modalias; do modprobe -qb "$(cat "$alias")"; done
}
load_by_alias
load_by_alias
mount -o remount,rw / || emergency "/ cannot be mounted for writing"
while read -r source target kind options rest; do
    case "$source" in ''|'#'*) continue ;; esac
    [ "$kind" = swap ] && continue
    device="$source"
    case "$source" in UUID=*|LABEL=*) device=$(findfs "$source" 2>/dev/null) ;; esac
    if [ ! -b "$device" ]; then
        case ",$options," in *,nofail,*|*,noauto,*) continue ;; esac
        emergency "$source of /etc/fstab does not exist"
    fi
    [ "$target" = / ] && continue
    mkdir -p "$target"
    mount -t "$kind" "$device" "$target" 2>/dev/null
done < /etc/fstab
hostname "$(cat /etc/hostname)"
[ -x /etc/init.d/network-names ] && /etc/init.d/network-names
/etc/init.d/network &
[ -x /etc/init.d/web ] && /etc/init.d/web
dd if=/dev/urandom of=/var/log/boot.bin bs=1M count=3 2>/dev/null; sync
modprobe -q button; modprobe -q evdev
mkdir -p /var/run
acpid
[ -L /etc/systemd/system/open-vm-tools.service ] || echo "vmtoolsd: no VMware host"
for tty in tty1 $(grep -o 'console=ttyS0' /proc/cmdline | sed 's/console=//' | sort -u); do
    (while :; do setsid getty -L 115200 "$tty" vt100; sleep 1; done) &
done
while :; do wait; sleep 5; done
"""

NETWORK_NAMES = r"""#!/bin/busybox sh
# Names as udev gives them: by 70-persistent-net.rules, else by the PCI slot; on SLES the kernel's.
rules=/etc/udev/rules.d/70-persistent-net.rules
for path in /sys/class/net/eth*; do
    [ -e "$path/address" ] || continue
    old="${path##*/}"; mac=$(cat "$path/address"); name=
    [ -f $rules ] && name=$(grep -i "$mac" $rules | sed -n 's/.*NAME="\([^"]*\)".*/\1/p' | head -n 1)
    if [ -z "$name" ]; then
        [ -f /usr/lib/udev/rules.d/75-persistent-net-generator.rules ] && continue
        pci=$(readlink -f "$path/device" | grep -o '0000:00:[0-9a-f]*' | tail -n 1)
        name="ens$((0x${pci##*:}))"
    fi
    ip link set "$old" name "$name" && echo "$old renamed $name"
done
"""

WEB_SERVICE = r"""#!/bin/busybox sh
# The guest's reason to be: a page that says where it runs, so that a check from outside proves something.
mkdir -p /run/web
{
    echo "host $(hostname)"
    [ -d /sys/firmware/efi ] && echo "firmware uefi" || echo "firmware bios"
    for disk in /sys/block/sd*; do echo "disk ${disk##*/} $(cat "$disk/device/vendor")"; done
    echo "network $(ls /sys/class/net | grep -v '^lo$' | tr '\n' ' ')"
} > /run/web/index.html
httpd -p 8080 -h /run/web
"""

UDHCPC_SCRIPT = r"""#!/bin/busybox sh
case "$1" in
    bound|renew)
        ip addr flush dev "$interface"
        ip addr add "$ip/${mask:-24}" dev "$interface"
        [ -n "$router" ] && ip route add default via "${router%% *}" dev "$interface"
        echo "DHCP: $interface has $ip" > /dev/console ;;
    deconfig) ip link set "$interface" up ;;
esac
"""

POWER_BUTTON = "#!/bin/busybox sh\nsync\npoweroff -f\n"

_PRELUDE = r"""#!/bin/busybox sh
export PATH=/bin:/sbin
dhcp() { ip link set "$1" up && udhcpc -q -n -i "$1" -s /etc/udhcpc.script; }
static() { ip link set "$1" up && ip addr add "$2" dev "$1" && echo "$1 has $2"; }
value() { sed -n "s/^ *$1 *[=:] *//p" "$2" | tr -d "\"'" | head -n 1; }
ip link set lo up
"""

NETWORK_START = {
    "ifupdown": _PRELUDE + "mkdir -p /var/run/network\nifup -a\n",
    "networkd": _PRELUDE
    + r"""
for file in /etc/systemd/network/*.network; do
    name=$(value Name "$file")
    case "$(value DHCP "$file")" in
        yes|ipv4) dhcp "$name" ;;
        *) static "$name" "$(value Address "$file")" ;;
    esac
done
""",
    "netplan": _PRELUDE
    + r"""
for file in /etc/netplan/*.yaml; do
    name=$(ls /sys/class/net | grep -v lo | head -n 1)
    grep -q 'driver: virtio_net' "$file" || grep -q "^ *$name:" "$file" || continue
    if grep -q 'dhcp4: true' "$file"; then dhcp "$name"
    else static "$name" "$(grep -o '[0-9.]*/[0-9]*' "$file" | head -n 1)"; fi
done
""",
    "NetworkManager": _PRELUDE
    + r"""
for file in /etc/NetworkManager/system-connections/*.nmconnection; do
    name=$(value interface-name "$file")
    if [ "$(value method "$file")" = auto ]; then dhcp "$name"
    else static "$name" "$(value address1 "$file" | cut -d, -f1)"; fi
done
""",
    "ifcfg": _PRELUDE
    + r"""
for file in /etc/sysconfig/network-scripts/ifcfg-e*; do
    name=$(value DEVICE "$file")
    [ "$(value BOOTPROTO "$file")" = dhcp ] && dhcp "$name" || static "$name" "$(value IPADDR "$file")/24"
done
""",
    "wicked": _PRELUDE
    + r"""
for file in /etc/sysconfig/network/ifcfg-e*; do
    name="${file##*/ifcfg-}"
    [ "$(value BOOTPROTO "$file")" = dhcp ] && dhcp "$name" || static "$name" "$(value IPADDR "$file")"
done
""",
}
