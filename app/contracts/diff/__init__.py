"""Whether topic files may take the place of others: for events in flight, and for rows loaded."""
