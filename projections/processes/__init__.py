"""What is read of processes: the list, and their last jobs."""
