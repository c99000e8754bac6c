"""What the console's pages show: numbers and pictures, made on the server."""
