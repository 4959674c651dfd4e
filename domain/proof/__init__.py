"""Proof that the log was not altered: a Merkle tree over every event, and signed heads of it.

The formats are public ones, so that anyone can check with tools of their own: the tree of RFC 6962, tiles, checkpoints
and signed notes as the C2SP has them (tlog-tiles, tlog-checkpoint, signed-note). What is here needs nothing but the
standard library and, for signatures, the package cryptography.
"""
