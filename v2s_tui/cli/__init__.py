"""The command line; no rule of its own."""
