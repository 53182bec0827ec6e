"""What the pages show: figures, tables, sliders."""
