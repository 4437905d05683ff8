"""What ``service.py`` wires together: the HTTP API, batching, runners and operations."""
