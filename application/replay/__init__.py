"""Replaying what happened: a key as it was at any instant, its history, its uses, and whether its limit was kept."""
