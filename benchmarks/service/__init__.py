"""What the service costs around the engine: processor time a request, and how long clients wait."""
