"""What was built, judged, switched and removed, in one signed file."""
