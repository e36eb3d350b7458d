"""What a build folder keeps between builds, and the lock that lets one build in at a time."""
