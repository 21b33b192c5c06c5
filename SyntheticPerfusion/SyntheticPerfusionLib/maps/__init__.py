"""What is wanted: quantities with units and display ranges; a set of maps; writing them."""
