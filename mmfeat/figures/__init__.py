"""What figures are made of, without Qt: shared by the viewer, the exports and the report."""
