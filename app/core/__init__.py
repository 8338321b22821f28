"""What is true without any server: verdicts, errors, the arithmetic of a seal. No I/O here."""
