"""Who answers a call? Gateway, web pages, channels, model deployments (Ray Serve)."""
