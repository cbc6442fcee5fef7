"""One screen per file, its look beside it."""
