"""Cells, tables and report text from domain objects; pure."""
