"""Batch state and sessions on disk: journalled TinyDB."""
