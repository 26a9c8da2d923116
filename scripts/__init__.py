"""What people run from a checkout: the demo call, and the pages that are printed from code."""
