"""`rpawatch audit`: the log read, replayed, proven and checked."""
