"""Session descriptions (RFC 8866), and offers and answers made of them (RFC 3264)."""
