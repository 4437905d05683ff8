"""The OpenAPI document: of each API a file of YAML beside its code, completed and joined."""
