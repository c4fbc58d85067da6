"""Networks: settings to module, weights on disk."""
