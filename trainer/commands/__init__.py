"""Commands of `hubmap-trainer` that have a module of their own."""
