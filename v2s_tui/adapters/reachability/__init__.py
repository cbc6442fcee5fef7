"""Whether a machine answers, seen from this host."""
