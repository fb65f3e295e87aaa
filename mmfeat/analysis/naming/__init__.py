"""Names of features: three independent methods, and what they come to together."""

from mmfeat.analysis.naming.nearest import nearest_captions

__all__ = ["nearest_captions"]
