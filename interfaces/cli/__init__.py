"""How it is reached at the command line."""
