"""What is read off maps: values of regions and their ratios, pictures, the report."""
