"""Accounts, their keys and processes, and the jobs that robots report."""
