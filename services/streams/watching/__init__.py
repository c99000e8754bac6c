"""Looking at the platform: Kafka's offsets, the other processes' figures, the journal; kept as samples."""
