"""The console: pages for whoever is on call, made of the ledger, read-only without a token."""
