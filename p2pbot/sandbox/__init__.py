"""Part of p2pbot."""
