"""`forebay doctor`: are the servers that the settings name fit for production, and for us?"""
