"""Dead letters: read where they are stored, shown without their values, sent again, given up."""
