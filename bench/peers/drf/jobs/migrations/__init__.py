"""Django's record of the tables."""
