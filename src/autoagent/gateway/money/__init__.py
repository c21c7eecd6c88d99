"""What calls cost: `usage` by the provider's words, at `prices`, out of a trial's `purse`."""
