"""Configuration files of a small guest, as its distribution would have written them at VMware."""

import json

from v2s_tui.lab.guests.shapes import GuestIdentity, GuestShape

Files = dict[str, bytes]


def configuration(shape: GuestShape, identity: GuestIdentity, kernel_version: str) -> Files:
    """Text files by their path in the guest, without a leading slash."""
    family = _release(shape)
    files = {
        "etc/os-release": family,
        "etc/hostname": f"{identity.host_name}\n",
        "etc/passwd": "root:x:0:0:root:/root:/bin/sh\n",
        "etc/shadow": "root:*:19000:0:99999:7:::\n",
        "etc/group": "root:x:0:\n",
        "etc/fstab": _fstab(shape, identity),
        "etc/default/grub": 'GRUB_DEFAULT=0\nGRUB_TIMEOUT=1\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n'
        f'GRUB_CMDLINE_LINUX="root={root_device(shape)} audit=0"\n',
        "etc/udev/rules.d/70-persistent-net.rules": 'SUBSYSTEM=="net", ACTION=="add", '
        f'ATTR{{address}}=="{identity.mac}", NAME="ens192"\n',
        "etc/udev/rules.d/99-vmware-scsi-udev.rules": 'ACTION=="add", SUBSYSTEMS=="scsi", '
        'ATTRS{vendor}=="VMware  ", ATTR{timeout}="180"\n',
        "lib/systemd/system/open-vm-tools.service": "[Service]\nExecStart=/usr/bin/vmtoolsd\n",
        "var/lib/dpkg/status": "Package: open-vm-tools\nStatus: install ok installed\n",
        **_network(shape, identity),
        **_boot(shape, identity, kernel_version),
        **_initramfs_builder(shape),
    }
    return {path: text.encode() for path, text in files.items()}


def _release(shape: GuestShape) -> str:
    if shape.bls:
        return _os_release("rocky", "rhel centos fedora", "9.4", "Rocky Linux 9.4")
    if shape.network == "netplan":
        return _os_release("ubuntu", "debian", "22.04", "Ubuntu 22.04.4 LTS")
    if shape.network == "wicked":
        return _os_release("sles", "suse", "15.5", "SUSE Linux Enterprise Server 15 SP5")
    return _os_release("debian", "", "12", "Debian GNU/Linux 12 (bookworm)")


def _os_release(distribution: str, like: str, version: str, pretty: str) -> str:
    return _lines(
        f"ID={distribution}", f'ID_LIKE="{like}"', f'VERSION_ID="{version}"', f'PRETTY_NAME="{pretty}"'
    )


def _lines(*lines: str) -> str:
    return "\n".join(lines) + "\n"


def root_partition_number(shape: GuestShape) -> int:
    """Number of the root's partition on its only disk."""
    if shape.logical:
        return 5
    return 2 if shape.boot_partition or shape.firmware == "uefi" else 1


def root_device(shape: GuestShape) -> str:
    """The kernel's name of the root's partition at VMware."""
    return f"/dev/sda{root_partition_number(shape)}"


def _fstab(shape: GuestShape, identity: GuestIdentity) -> str:
    lines = ["# <file system> <mount point> <type> <options> <dump> <pass>"]
    lines.append(f"{root_device(shape)} / {shape.root_kind} defaults 0 1")
    if shape.boot_partition:
        lines.append("/dev/sda1 /boot ext4 defaults 0 2")
    if shape.firmware == "uefi":
        lines.append(f"UUID={identity.esp_id} /boot/efi vfat umask=0077,nofail 0 1")
    lines.append("/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0")
    return "\n".join(lines) + "\n"


def _network(shape: GuestShape, identity: GuestIdentity) -> dict[str, str]:
    address, prefix = identity.address.split("/")
    if shape.network == "netplan":
        document = {
            "network": {
                "version": 2,
                "ethernets": {
                    "ens192": {
                        "match": {"macaddress": identity.mac},
                        "set-name": "ens192",
                        "addresses": [identity.address],
                        "routes": [{"to": "default", "via": identity.gateway}],
                    }
                },
            }
        }
        return {"etc/netplan/00-installer-config.yaml": json.dumps(document, indent=2) + "\n"}
    if shape.network == "NetworkManager":
        path = "etc/NetworkManager/system-connections/ens192.nmconnection"
        return {path: _keyfile(identity)}
    if shape.network == "ifcfg":
        values = _lines(
            "TYPE=Ethernet", "BOOTPROTO=none", "NAME=ens192", "DEVICE=ens192", f"HWADDR={identity.mac}"
        )
        values += _lines("ONBOOT=yes", f"IPADDR={address}", f"PREFIX={prefix}", f"GATEWAY={identity.gateway}")
        return {"etc/sysconfig/network-scripts/ifcfg-ens192": values}
    if shape.network == "wicked":
        values = _lines("BOOTPROTO='static'", "STARTMODE='auto'", f"IPADDR='{identity.address}'")
        return {
            "etc/sysconfig/network/ifcfg-eth0": values,
            "etc/sysconfig/network/routes": f"default {identity.gateway} - -\n",
            "usr/lib/udev/rules.d/75-persistent-net-generator.rules": "# NICs are called eth0, eth1...\n",
        }
    if shape.network == "networkd":
        return {
            "etc/systemd/network/10-lan.network": _lines(
                "[Match]", "Name=ens192", "", "[Network]", "DHCP=yes"
            )
        }
    stanza = _lines("auto lo", "iface lo inet loopback", "", "allow-hotplug ens192", "auto ens192")
    stanza += _lines("iface ens192 inet static", f"    address {address}", "    netmask 255.255.255.0")
    return {
        "etc/network/interfaces": stanza
        + _lines(f"    gateway {identity.gateway}", f"    hwaddress {identity.mac}")
    }


def _keyfile(identity: GuestIdentity) -> str:
    connection = _lines("[connection]", "id=ens192", "type=ethernet", "interface-name=ens192", "")
    wired = _lines("[ethernet]", f"mac-address={identity.mac.upper()}", "")
    addresses = _lines("[ipv4]", "method=manual", f"address1={identity.address},{identity.gateway}", "")
    return (
        connection + wired + addresses + _lines("[ipv6]", "addr-gen-mode=stable-privacy", "method=disabled")
    )


def _boot(shape: GuestShape, identity: GuestIdentity, version: str) -> dict[str, str]:
    prefix = "" if shape.boot_partition else "/boot"
    boot_uuid = identity.boot_uuid if shape.boot_partition else identity.root_uuid
    arguments = f"root={root_device(shape)} ro audit=0 quiet"
    if shape.bls:
        entry = (
            f"title Rocky Linux ({version}) 9.4\nversion {version}\nlinux {prefix}/vmlinuz-{version}\n"
            f"initrd {prefix}/initrd.img-{version}\noptions $kernelopts\ngrub_users $grub_users\n"
        )
        environment = f"# GRUB Environment Block\nsaved_entry=0123-{version}\nkernelopts={arguments}\n"
        return {
            f"boot/loader/entries/0123-{version}.conf": entry,
            "boot/grub2/grub.cfg": "set default=0\nload_env\ninsmod blscfg\nblscfg\n",
            "boot/grub2/grubenv": environment.ljust(1024, "#"),
        }
    table = "gpt" if shape.firmware == "uefi" else "msdos"
    number = 1 if shape.boot_partition else root_partition_number(shape)
    return {
        "boot/grub/grub.cfg": f"""set default="0"
set timeout=1
menuentry 'Debian GNU/Linux' --class debian --class gnu-linux {{
    insmod part_{table}
    insmod ext2
    set root='hd0,{table}{number}'
    search --no-floppy --fs-uuid --set=root {boot_uuid}
    linux  {prefix}/vmlinuz-{version} {arguments}
    initrd {prefix}/initrd.img-{version}
}}
"""
    }


def _initramfs_builder(shape: GuestShape) -> dict[str, str]:
    if shape.initramfs == "dracut":
        return {"etc/dracut.conf.d/01-site.conf": 'hostonly="yes"\n'}
    return {"etc/initramfs-tools/modules": "# List of modules that you want to include\nvmw_pvscsi\n"}
