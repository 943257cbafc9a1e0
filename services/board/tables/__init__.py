"""What the board reads from ClickHouse: figures, contributing records, vouchers, and the smaller tables."""
