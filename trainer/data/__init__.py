"""What a case is, and every byte on disk; no torch."""
