"""What is true: the aggregates, their events, the values that they are made of, and who may do what."""
