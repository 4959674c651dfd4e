"""The Merkle tree over the log: grown by a follower, its heads signed, its proofs made, the log compared with it."""
