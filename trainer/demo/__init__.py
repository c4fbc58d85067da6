"""A seeded generator of histology cohorts: tissue that nobody ever owned, truths that are exact."""
