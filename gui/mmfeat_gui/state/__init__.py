"""What the viewer knows, without Qt: testable in any process."""
