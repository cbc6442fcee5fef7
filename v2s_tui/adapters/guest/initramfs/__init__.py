"""Initial RAM file systems: read from outside, extended by an appended cpio archive."""
