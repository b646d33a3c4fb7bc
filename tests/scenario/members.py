"""Three members of one program on loopback, and etcdctl. The same flags for etcd and for kvstore."""
import os
import shutil
import signal
import subprocess
import time

NAMES = ["alpha", "beta", "gamma"]
START_SECONDS = 30
STOP_SECONDS = 15
STEP_SECONDS = 30
SHOWN_LINES = 25


def environment():
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ETCD")}
    kept["ETCDCTL_API"] = "3"
    return kept


def etcdctl(arguments, endpoints, stdin=b""):
    own = [] if any(argument.startswith("--endpoints") for argument in arguments) else [
        f"--endpoints={endpoints}"]
    return subprocess.run(["etcdctl", *own, *arguments], input=stdin, capture_output=True,
                          env=environment(), timeout=STEP_SECONDS, check=False)


def wait_until(what, condition, seconds=START_SECONDS):
    """Polls; raises RuntimeError with `what` when the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise RuntimeError(f"not within {seconds} s: {what}")
        time.sleep(0.1)


class Cluster:
    """Data and logs of each member are in DIRECTORY/NAME and DIRECTORY/NAME.log. A directory that is
    there is removed first."""

    def __init__(self, program, directory, port, flags=()):
        self.program = program
        self.directory = directory
        self.port = port
        self.flags = list(flags)
        self.processes = [None] * len(NAMES)
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)

    def client(self, member):
        return f"127.0.0.1:{self.port + 2 * member}"

    def all_clients(self):
        return ",".join(self.client(member) for member in range(len(NAMES)))

    def peer(self, member):
        return f"http://127.0.0.1:{self.port + 2 * member + 1}"

    def data(self, member):
        return f"{self.directory}/{NAMES[member]}"

    def log(self, member):
        with open(f"{self.directory}/{NAMES[member]}.log", encoding="utf-8", errors="replace") as file:
            return file.read()

    def show_logs(self):
        """Prints the end of each that is there, for who has nothing else of this machine."""
        for member, name in enumerate(NAMES):
            if os.path.exists(f"{self.directory}/{name}.log"):
                print(f"--- {name}.log:", *self.log(member).splitlines()[-SHOWN_LINES:], sep="\n")

    def options(self, member):
        """What the member is started with, by the name of the flag."""
        return {
            "name": NAMES[member],
            "data-dir": self.data(member),
            "listen-peer-urls": self.peer(member),
            "initial-advertise-peer-urls": self.peer(member),
            "listen-client-urls": f"http://{self.client(member)}",
            "advertise-client-urls": f"http://{self.client(member)}",
            "initial-cluster": ",".join(f"{name}={self.peer(i)}" for i, name in enumerate(NAMES)),
            "initial-cluster-token": "scenario",
            "initial-cluster-state": "new",
        }

    def start_member(self, member, **changed):
        """`changed`: options with other values, _ for -. What an earlier start printed is kept."""
        options = self.options(member)
        options.update((name.replace("_", "-"), value) for name, value in changed.items())
        with open(f"{self.directory}/{NAMES[member]}.log", "ab") as log:
            self.processes[member] = subprocess.Popen(
                [self.program, *(f"--{name}={value}" for name, value in options.items()), *self.flags],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, env=environment())
        return self.processes[member]

    def start(self):
        for member in range(len(NAMES)):
            self.start_member(member)
        self.wait_until_healthy()

    def is_healthy(self, endpoints):
        return etcdctl(["endpoint", "health"], endpoints).returncode == 0

    def wait_until_healthy(self, member=None, seconds=START_SECONDS):
        endpoints = self.all_clients() if member is None else self.client(member)
        wait_until(f"{self.program} serves at {endpoints} (logs are in {self.directory})",
                   lambda: self.is_healthy(endpoints), seconds)

    def kill(self, member):
        self.processes[member].kill()
        self.processes[member].wait()
        self.processes[member] = None

    def stop(self):
        """All that run, by SIGTERM."""
        running = [process for process in self.processes if process is not None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                print(f"{self.program} does not stop; it is killed")
                process.kill()
                process.wait()
        self.processes = [None] * len(NAMES)
