"""From rows to answers: pure functions, DataFrame in, DataFrame out. Nothing is run or shown here."""
