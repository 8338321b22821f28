"""`forebay demo`: the whole way on real input, with a balance at the end that must be exact."""
