"""`rpawatch demo`: an installation with a made-up month in it, to look at."""
