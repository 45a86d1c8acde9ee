"""What `benches/compare` and `benches/scale` are made of. Python's standard library only, but for the two
contenders that are Python libraries themselves (`peer_*.py`)."""
