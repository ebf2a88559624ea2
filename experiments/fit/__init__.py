"""Model fitting: fit learners to choices, individually or hierarchically, and compare them."""
