"""What a reviewer asks of a whole cohort: where to look first, and how sure to be; no torch."""
