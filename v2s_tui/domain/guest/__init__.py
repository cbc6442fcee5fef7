"""Guests as facts, changes and evidence: what is known of them, what is done to them, what proves they
boot.
"""
