"""A thread, an exit handler and a trace function that stay behind."""

import atexit
import sys
import threading

LEFT = {}


def leave(fold, message):
    sys.settrace(lambda *_: None)
    atexit.register(lambda: message)
    threading.Thread(target=threading.Event().wait, args=(5,), name=f"left-{fold}-{message.hex()}", daemon=True).start()


def find(fold):
    for thread in threading.enumerate():
        if thread.name.startswith(f"left-{fold}-"):
            return bytes.fromhex(thread.name.rsplit("-", 1)[1])
    return None
