"""The published gridworlds (Shah et al. 2019), and layouts of one's own."""
