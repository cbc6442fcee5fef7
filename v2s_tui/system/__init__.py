"""Processes, files and tool versions of this host."""
