"""What SIP is written in (RFC 3261 §7, §19, §20): URIs, headers, messages, and finding them in a stream."""
