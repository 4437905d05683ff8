"""What stands around every request: limits, keys, bodies, errors."""
