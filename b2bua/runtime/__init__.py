"""The signalling process: joins the SIP core, the calls, the store and the media processes with time and sockets."""
