"""The catalogue for people: a page per event type and per app, as Markdown and as a web site."""
