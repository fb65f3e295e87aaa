"""The desktop viewer of mmfeat: opens an atlas and shows its features and items."""
