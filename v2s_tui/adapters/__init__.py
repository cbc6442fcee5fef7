"""Doors to the world; plain blocking code, independent of each other."""
