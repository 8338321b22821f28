"""Removes what nobody needs any more: `sweep` says what that is, and why it is safe."""
