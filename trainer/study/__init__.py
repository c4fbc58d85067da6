"""What the project claims, measured on a user's own cohort."""
