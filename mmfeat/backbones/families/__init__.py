"""Families of backbones, one a file; `mmfeat.backbones.registry` lists them."""
