"""What is read of who did what: the audit log."""
