"""The API of this service itself."""
