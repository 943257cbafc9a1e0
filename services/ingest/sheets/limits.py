"""How large a sheet may be; what is larger is refused before it is read, or where it grows too large."""

ROWS_A_SHEET = 100_000
"""With something in them; header and titles do not count."""
COLUMNS_A_SHEET = 256
BYTES_A_SHEET = 50_000_000
"""As it was sent."""
UNPACKED_BYTES = 200_000_000
"""Of all parts of an XLSX file together."""
TEXTS_BYTES = 64_000_000
"""Of the table of an XLSX file's texts, which is held in memory."""
OTHER_PART_BYTES = 8_000_000
"""Of a part of an XLSX file that is neither a sheet nor the table of texts: styles, relations."""
ROW_BYTES = 4_000_000
"""Of one row: its XML, its lines of CSV, its texts."""
ROWS_BYTES = 200_000_000
"""Of the rows that are kept of a sheet until they are handed on; a workbook may repeat a text without end."""
RATIO = 100
RATIO_FROM_BYTES = 1_000_000
"""A part that unpacks to less may have any ratio."""
PARTS = 1_000
DIRECTORY_BYTES = 1_000_000
"""Of the list of a zip file's parts."""
LEVELS = 64
"""How deep the XML of a workbook may be nested; its own goes some ten deep."""
TAGS = 20_000_000
"""Of all XML that is read of a workbook: as many as fit into UNPACKED_BYTES where cells hold something."""
LINES = 1_048_576
"""Rows, empty ones included, as many as Excel has."""
