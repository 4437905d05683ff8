"""A service as a process or container: start it, ask it, stop it."""
