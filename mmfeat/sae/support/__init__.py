"""How the support of a code is selected in training."""
