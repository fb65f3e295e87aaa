"""Names of features: three independent methods, and what they come to together."""
