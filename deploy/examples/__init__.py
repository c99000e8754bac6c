"""Small whole programs of an integrator: copy one, and change what it does about an event. See README.md."""
