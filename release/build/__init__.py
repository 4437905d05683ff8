"""From a model version and a commit to a verified image."""
