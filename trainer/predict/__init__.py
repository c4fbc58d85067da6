"""From members to probabilities to masks."""
