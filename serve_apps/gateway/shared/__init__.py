"""What every way into the gateway shares: limits, tokens, tenants, problems, feeds."""
