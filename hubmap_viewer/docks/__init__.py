"""The widgets; none imports another, all hear the session."""
