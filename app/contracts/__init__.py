"""The topic files: what they may say (`model`), and everything that is made from them."""
