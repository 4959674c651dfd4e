"""The log of events: all that touches its table. It is appended to (recorder.py), read (reading.py) and followed.

Everybody above the domain may read it and follow it; only commands append, through the queue of commands.
"""
