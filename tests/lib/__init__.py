"""What the suites share, one noun a module; who runs a suite puts tests/ into sys.path."""
