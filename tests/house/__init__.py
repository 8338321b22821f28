"""A whole Forebay on this machine for tests: servers behind faulty networks, roles as processes."""
