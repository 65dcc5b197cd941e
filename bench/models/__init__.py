"""What fitting the models costs as the number of customers grows."""
