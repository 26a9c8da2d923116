"""A pjsua2 worker: one process, one SIP endpoint on its own loopback address, at most four calls.

It plays and records and takes no decisions: the host says what to do over the line (see `media.worker.link`).
This is the only package that imports pjsua2, which aborts the process when it is misused; hence the rules below.

- Everything runs in the main thread inside `libHandleEvents`; only `onEof2` comes from another. Callbacks
  never touch a player or a call but queue what has to be done for the main loop.
- When the last Python reference to a finished call goes, it takes along the call that has its number by then.
  That may be one that came in the same turn. So references are dropped each turn, but for those whose number
  is in use.
- A WAV file's header is complete some milliseconds after its recorder is deleted: `recorded` waits for it.
- What `getInfo` returns must be held by a name while its parts are read: they are freed with it.
- Tearing the library down aborts on anything still alive: the process ends without it, once its files are
  complete.
"""
