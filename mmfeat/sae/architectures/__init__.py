"""The architectures, one a file; `mmfeat.sae.settings` lists them with their settings."""
