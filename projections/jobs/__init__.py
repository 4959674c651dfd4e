"""What is read of jobs: the list, its search, their details."""
