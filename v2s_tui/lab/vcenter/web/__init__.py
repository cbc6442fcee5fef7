"""The HTTPS faces of the lab's vCenter and ESXi hosts."""
