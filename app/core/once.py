"""What is made anew for every event is made as cheaply as can be."""

import msgspec


class PerEvent(msgspec.Struct, frozen=True, gc=False):
    """An immutable value of which each event needs some.

    To make one takes a fifth of a NamedTuple's time, and the collector never looks at it (with
    thousands in a batch that is as much again): so none may be part of a reference cycle.
    """
