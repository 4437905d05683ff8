"""The APIs that existing clients of other translation servers speak."""
