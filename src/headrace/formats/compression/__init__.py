"""Values compressed one by one, so that single records stay single."""
