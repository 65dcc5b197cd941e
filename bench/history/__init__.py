"""What a history costs: nights on 1, 3 and 10 times as much of it, corrections and backfills. See `__main__`."""
