"""Linux guests: configuration files, text in and text out, and the planner that decides which change."""
