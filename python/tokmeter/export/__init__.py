"""What leaves tokmeter while it runs: metrics, the event stream and the small HTTP server for both."""
