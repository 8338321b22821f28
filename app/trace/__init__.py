"""Where is my event? The answer is a `Receipt`; `find.Tracer` writes it."""
