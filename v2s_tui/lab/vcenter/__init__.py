"""A vCenter and its ESXi hosts on loopback, as unmodified pyVmomi sees them.

Read it in this order: inventory (what exists), world (state and its lock), soap and dispatch (the wire),
methods (what the calls do), rendering with the properties (how objects look), web (HTTPS, NFC, tags), server
(all together).
"""
