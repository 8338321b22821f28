"""Judge recorded traffic by two folders of topic files, and compare what becomes of it."""
