"""What is read of keys: the list, its search, their uses by the hour."""
