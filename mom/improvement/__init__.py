"""Learning from losses: actions with an owner and a date, closed only with a check of their effect."""
