"""The process that talks to libguestfs: one appliance, one guest, requests as JSON lines.

Started by session.py with the distribution's own Python (python3-guestfs is built for that one only), so
these files use the standard library, guestfs and each other, nothing else of v2s. They decide nothing:
planners are elsewhere. Every path is inside the appliance's view of the guest; links are followed there and
nowhere else.
"""
