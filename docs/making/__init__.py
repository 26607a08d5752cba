"""What makes the pictures and generated pages of the documentation."""
