"""The full-screen app; no rule of its own."""
