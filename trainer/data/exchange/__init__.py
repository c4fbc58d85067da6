"""Formats that other tools read, one module each."""
