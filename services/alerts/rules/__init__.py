"""How rules decide: their limits and words. Pure, and exact."""
