"""Where entries are kept: the protocols in `ledger`, one package for each store."""
