"""The command line. One command group a file, no logic: commands call the library."""
