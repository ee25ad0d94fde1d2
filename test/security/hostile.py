"""A program that tries everything it must not be able to, and writes down what came of it."""
import ctypes, json, os, socket, stat, struct, subprocess, sys, time

given = dict(argument[2:].split("=", 1) for argument in sys.argv[1:] if argument.startswith("--"))
libc = ctypes.CDLL(None, use_errno=True)
report = {}


def attempt(name):
    """The result of what is tried, or the name of the error that refuses it."""

    def run(work):
        try:
            report[name] = work()
        except Exception as error:
            report[name] = "refused: " + type(error).__name__ + " " + str(error)

    return run


def call(name, *arguments):
    if libc[name](*arguments) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return "done"


def read(path):
    with open(path, "rb") as file:
        return file.read(100).decode("utf8", "replace")


def write(path):
    with open(path, "w") as file:
        file.write("x")
    return "done"


def connect(host, port, seconds=3, ask=b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"):
    with socket.create_connection((host, port), seconds) as connection:
        connection.settimeout(seconds)
        connection.sendall(ask)
        answer = connection.recv(1000)
        if not answer:
            raise ConnectionError("no answer")
        return answer.decode("latin1")


def gateway():
    for line in open("/proc/net/route").readlines()[1:]:
        fields = line.split()
        if fields[1] == "00000000":
            return socket.inet_ntoa(struct.pack("<L", int(fields[2], 16)))
    raise ConnectionError("no gateway")


def unix(path):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)
    return "done"


def of_others(path):
    """The same file by way of the other processes that it sees."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        for way in ("root", "cwd"):
            try:
                return read(f"/proc/{pid}/{way}{path}")
            except OSError:
                pass
    raise PermissionError("by no process")


def fork_bomb():
    children = 0
    held, hold = os.pipe()
    try:
        while children < 5000:
            if os.fork() == 0:
                os.close(hold)
                os.read(held, 1)
                os._exit(0)
            children += 1
    except OSError:
        pass
    os.close(hold)
    for _ in range(children):
        os.wait()
    return children


def fill(path):
    written = 0
    try:
        with open(path, "wb", 0) as file:
            while written < 1 << 30:
                written += file.write(bytes(1 << 20))
    except OSError:
        pass
    os.remove(path)
    return written


def run_from(path):
    with open(path, "w") as file:
        file.write("#!/bin/sh\necho ran\n")
    os.chmod(path, 0o755)
    return subprocess.run([path], capture_output=True, text=True, check=True).stdout


def status():
    lines = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
    return {name: lines[name].strip() for name in ("Uid", "Gid", "Groups", "CapEff", "CapPrm", "CapBnd", "NoNewPrivs", "Seccomp")}


def explore():
    victim, home, engine, port = given["victim"], given["home"], given["engine"], int(given["port"])
    attempt("a file of the machine")(lambda: read(victim))
    attempt("a file of the machine through processes")(lambda: of_others(victim))
    attempt("the folder of Sluice")(lambda: os.listdir(home))
    attempt("memory of the machine")(lambda: read("/proc/kcore") or read("/dev/mem"))
    attempt("the log of the kernel")(lambda: read("/dev/kmsg"))
    attempt("settings of the kernel")(lambda: write("/proc/sys/kernel/core_pattern"))
    attempt("control groups")(lambda: os.mkdir("/sys/fs/cgroup/mine") or "done")
    attempt("the engine")(lambda: unix(engine))
    attempt("the engine where it mostly is")(lambda: unix("/var/run/docker.sock"))
    attempt("the server on localhost")(lambda: connect("127.0.0.1", port))
    attempt("the server by the gateway")(lambda: connect(gateway(), port))
    attempt("the server by its address")(lambda: connect(given["address"], port))
    attempt("the server by gRPC")(lambda: connect(given["address"], int(given["grpc"]), ask=GRPC))
    attempt("the machine by name")(lambda: connect("host.docker.internal", port))
    attempt("another job")(lambda: connect(given["other"], 7000))
    attempt("another job, from port to port")(lambda: raw())
    attempt("its own root")(lambda: write("/mine"))
    attempt("its own users")(lambda: write("/etc/passwd"))
    attempt("its own secrets")(lambda: write("/run/secrets/token"))
    attempt("devices")(lambda: os.mknod("/tmp/disk", stat.S_IFBLK | 0o666, os.makedev(8, 0)) or "done")
    attempt("the root user")(lambda: os.setuid(0) or "done")
    attempt("the root group")(lambda: os.setgid(0) or "done")
    attempt("mounting")(lambda: call("mount", b"none", b"/tmp", b"tmpfs", 0, None))
    attempt("a root of its own")(lambda: os.chroot("/tmp") or "done")
    attempt("users of its own")(lambda: call("unshare", 0x10000000))
    attempt("mounts of its own")(lambda: call("unshare", 0x00020000))
    attempt("a name for the machine")(lambda: call("sethostname", b"mine", 4))
    attempt("the clock")(lambda: time.clock_settime(time.CLOCK_REALTIME, 0) or "done")
    attempt("running what it has written")(lambda: run_from("/tmp/script"))
    attempt("more priority")(lambda: os.nice(-5))
    attempt("links in its folder")(lambda: links(victim))
    report["status"] = status()
    report["mounts"] = sorted(line.split()[4] for line in open("/proc/self/mountinfo"))
    report["environment"] = dict(os.environ)
    report["arguments"] = sys.argv[1:]
    report["secrets"] = {name: read("/run/secrets/" + name) for name in os.listdir("/run/secrets")}
    report["in shared memory"] = os.listdir("/dev/shm")
    report["processes"] = fork_bomb()
    report["bytes in /tmp"] = fill("/tmp/full")
    report["bytes in shared memory"] = fill("/dev/shm/full")


# What a client of HTTP/2 begins with.
GRPC = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"


def raw():
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP):
        return "done"


def links(victim):
    """What the server might read of a program's folder, turned elsewhere. It is its own folder, so that it can."""
    for name in ("events.ndjson", "progress.json", "checkpoint.json", "program.json"):
        os.symlink(victim, "/state/" + name)
    os.mkfifo("/state/pipe")
    return "done"


def be_worker(job_file, index):
    """In the place of Sluice's own worker: it may write into that one's folder, and nowhere else."""
    job, jobs = os.path.dirname(job_file), os.path.dirname(os.path.dirname(job_file))
    folder = os.path.join(job, "workers", index)
    attempt("the job")(lambda: write(job_file))
    attempt("the wishes of the job")(lambda: write(os.path.join(job, "wish.json")))
    attempt("another worker")(lambda: os.mkdir(os.path.join(job, "workers", "7")) or "done")
    attempt("the secrets of the job")(lambda: read(os.path.join(job, "secrets.json")))
    attempt("other jobs")(lambda: [name for name in os.listdir(jobs) if name != os.path.basename(job)])
    attempt("a link from another place")(lambda: os.link("/etc/passwd", os.path.join(folder, "hard")) or "done")
    attempt("the jobs of the server")(lambda: read(os.path.join(os.path.dirname(jobs), "sluice.db")))
    report["status"] = status()
    report["written"] = sorted(os.listdir(folder))
    output = json.load(open(job_file))["parameters"]["outputDirectory"]
    with open(os.path.join(output, "report.json"), "w") as file:
        json.dump(report, file)
    for name in ("turn.tmp", "stderr.log", "progress.json", "checkpoint.json"):
        if os.path.lexists(os.path.join(folder, name)):
            os.remove(os.path.join(folder, name))
        os.symlink("/etc/shadow", os.path.join(folder, name))
    time.sleep(600)


def main():
    if len(sys.argv) == 4 and sys.argv[1].endswith("/job.json"):
        return be_worker(sys.argv[1], sys.argv[2])
    deed = given["deed"]
    if deed == "explore":
        explore()
        with open(os.path.join(given["output"], "report.json"), "w") as file:
            json.dump(report, file)
    elif deed == "listen":
        server = socket.create_server(("0.0.0.0", 7000))
        print('{"type":"running"}', flush=True)
        while True:
            connection, _ = server.accept()
            connection.sendall(b"open to all")
            connection.close()
    elif deed == "memory":
        blocks = []
        while True:
            blocks.append(bytearray(os.urandom(1 << 20)))
    elif deed == "flood":
        line = json.dumps({"type": "message", "severity": "INFO", "text": "\u001b[2J" + "x" * 500}) + "\n"
        counted = json.dumps({"type": "progress", "counters": {"n": 1e308, "__proto__": 1, "m": "1"}}) + "\n"
        for _ in range(40000):
            sys.stdout.write(line)
        sys.stdout.write(counted + "x" * (20 << 20) + "\n" + "[" * 100000 + "\n")


main()
