"""The thread that reads files, so that the window never waits for a disk."""
