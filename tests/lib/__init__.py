"""Code that the suites share, one noun a module; a suite's runner puts tests/ into sys.path."""
