"""Disk images on the conversion host, through qemu-img."""
