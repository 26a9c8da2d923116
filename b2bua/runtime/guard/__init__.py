"""Who is heard and how often: what keeps a flood, a guesser of passwords and a stolen account in bounds."""
