"""How it is reached: over HTTP, and at the command line."""
