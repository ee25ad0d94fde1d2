"""Counts the words of the files of a folder; with --watch=true also of those that come, until it is asked to drain."""
import collections
import json
import os
import signal
import sys
import time

options = dict(argument[2:].split("=", 1) for argument in sys.argv[1:])
draining = False


def drain(*_):
    global draining
    draining = True


def tell(**event):
    print(json.dumps(event), flush=True)


def replace(path, text):
    with open(path + ".new", "w") as file:
        file.write(text)
    os.replace(path + ".new", path)


signal.signal(signal.SIGTERM, drain)
watches = options.get("watch") == "true"
result = os.path.join(options["output"], "words.txt")
words, read, lines, blank = collections.Counter(), [], 0, 0
tell(type="running")
while True:
    for name in sorted(set(os.listdir(options["input"])) - set(read)):
        with open(os.path.join(options["input"], name)) as file:
            for line in file:
                lines += 1
                blank += not line.strip()
                words.update(line.split())
        read.append(name)
        tell(type="message", severity="INFO", text=f"{name} is read")
    replace(result, "".join(f"{word} {count}\n" for word, count in sorted(words.items())))
    elements = {"read": lines, "written": lines - blank, "filtered": blank}
    tell(type="progress", elements=elements, counters={"words": words.total(), "distinct": len(words)})
    if draining or not watches:
        break
    time.sleep(0.2)
tell(type="outputs", paths=[result])
