"""Measures speed; asserts nothing. Ratios come from things measured side by side in one run."""
