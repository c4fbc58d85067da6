"""A review as one page: what it says, its pictures, and the page itself; no torch."""
