"""Who signs in: users, passwords and sessions, in ordinary tables, since events can't be erased and people may ask."""
