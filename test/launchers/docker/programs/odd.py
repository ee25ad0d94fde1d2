"""Programs that behave in every way but well: --mode says which."""
import json
import os
import signal
import sys
import time

options = dict(argument[2:].split("=", 1) for argument in sys.argv[1:])
mode = options["mode"]


def tell(**event):
    print(json.dumps(event), flush=True)


def wait():
    while True:
        time.sleep(0.05)


if mode == "silent":
    with open(os.path.join(options["output"], "done.txt"), "w") as file:
        file.write("silent\n")
elif mode == "looks":
    environment = {name: value for name, value in os.environ.items() if name.startswith("SLUICE_")}
    path = options["key"]
    tell(type="message", text=json.dumps({"arguments": sys.argv[1:], "environment": environment}))
    with open(path) as file:
        tell(type="progress", counters={"secret": int(file.read())})
    with open(os.path.join(os.environ["SLUICE_STATE_DIR"], "note"), "w") as file:
        file.write("kept\n")
elif mode == "fails":
    sys.exit(f"there is no table {options['what']}")
elif mode == "says":
    tell(type="failed", code="NO_TABLE", message="there is no table")
elif mode == "hangs":
    wait()
elif mode == "heals":
    open("/tmp/ready", "w").close()
    wait()
elif mode == "ignores":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    tell(type="running")
    wait()
elif mode == "dies":
    tell(type="running")
    wait()
elif mode == "floods":
    line = json.dumps({"type": "progress", "counters": {"forged": -1, "__proto__": 5}})
    for number in range(50_000):
        print(number, "x" * 100)
        print(line)
    sys.stdout.buffer.write(b"\xff\xfe\x00" * 1000 + b"y" * 10_000_000 + b"\n")
    sys.stdout.flush()
    tell(type="progress", counters={"lines": 50_000}, elements={"read": 50_000, "written": 50_000})
elif mode == "eats":
    tell(type="running")
    kept = [bytearray(1 << 20) for _ in range(1 << 20)]
elif mode == "counts":
    tell(type="running")
    for number in range(int(options["to"])):
        # It waits for a file of that name, where it is told to.
        while str(number) in options["waits"].split(";") and str(number) not in os.listdir(options["gates"]):
            time.sleep(0.02)
        tell(type="message", text=f"number {number}")
        print(f"noise {number}", file=sys.stderr, flush=True)
        tell(type="progress", counters={"numbers": number + 1})
