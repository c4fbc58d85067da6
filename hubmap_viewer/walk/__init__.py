"""A walk through the whole loop in the real window, by clicks and keys; leaves pictures of it."""
