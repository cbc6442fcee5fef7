"""One verb per file, called by both front ends and by the runner."""
