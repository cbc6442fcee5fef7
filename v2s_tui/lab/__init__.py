"""The lab: a source (vCenter, ESXi) and a target (Object Storage, Scaleway) on loopback, with real disks.

Written from the protocols. It shares no code with the clients it serves, so that neither can hide the
other's mistake.
"""
