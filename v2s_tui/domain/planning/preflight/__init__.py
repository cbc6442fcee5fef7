"""Pre-flight: what forbids, endangers or is worth knowing before a plan starts."""
