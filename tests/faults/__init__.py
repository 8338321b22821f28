"""One test for each fault that production brings; its name is the promise."""
