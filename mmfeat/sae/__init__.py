"""Sparse autoencoders: architectures, remedies, training, files."""

import os

# Large tensors in huge pages: they take a third of the time to make. torch asks for it once, at
# its first tensor.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
