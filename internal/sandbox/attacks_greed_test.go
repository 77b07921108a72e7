package sandbox_test

import (
	"time"

	"github.com/r1ctl/r1ctl/internal/sandbox"
)

// greedy are the attacks that take more than they may.
func greedy() []attack {
	small := sandbox.Spec{CPU: time.Second, Wall: 5 * time.Second, Memory: 64 << 20, Processes: 12}
	brief := sandbox.Spec{CPU: time.Second, Wall: time.Second}
	timedOut := []sandbox.Status{sandbox.TimedOut}
	memory := []sandbox.Status{sandbox.Exited, sandbox.MemoryLimit, sandbox.Signalled, sandbox.TimedOut}
	return []attack{
		{name: "fork bomb", spec: brief, program: `
while True:
    try: os.fork()
    except OSError: pass`},
		{name: "fork bomb without a pause", spec: brief, program: `
def grow():
    while True:
        try:
            if os.fork() == 0: os.setsid()
        except OSError: time.sleep(0.01)
grow()`},
		{name: "threads", spec: small, program: `
n = 0
try:
    for n in range(500): threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
    print("ESCAPED", n)
except (RuntimeError, MemoryError): pass
os._exit(0)`},
		{name: "memory by mmap", spec: small, ends: memory, program: `
m = mmap.mmap(-1, 256 << 20); m[::4096] = b"x" * 65536
print("ESCAPED")`},
		{name: "memory by brk", spec: small, ends: memory, program: `
kept = []
while len(kept) < 4096: kept.append(bytearray(b"x" * 65000))
print("ESCAPED")`},
		{name: "memory of many processes", spec: small, ends: []sandbox.Status{sandbox.MemoryLimit}, program: `
for _ in range(8):
    if os.fork() == 0: x = bytearray(b"x" * (40 << 20)); time.sleep(4); os._exit(0)
time.sleep(4)
print("ESCAPED")`},
		{name: "shared memory of many processes", spec: small, ends: []sandbox.Status{sandbox.MemoryLimit}, program: `
for _ in range(8):
    if os.fork() == 0:
        m = mmap.mmap(-1, 40 << 20)
        for i in range(0, len(m), 4096): m[i] = 1
        time.sleep(4); os._exit(0)
time.sleep(4)
print("ESCAPED")`},
		{name: "memory by memfd", spec: small, ends: memory, program: `
refused(os.memfd_create, "x"); denied("memfd_secret", 447, 0)`},
		{name: "locked memory", spec: small, ends: memory, program: `
m = mmap.mmap(-1, 1 << 20); denied("mlock", 149, ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(m))), 1 << 20)`},
		{name: "string like a zip bomb", spec: small, ends: memory, program: `
import zlib
data = zlib.compress(b"x" * 10_000_000)
for _ in range(3): data = zlib.compress(data)
s = "x"
while len(s) < 1 << 36: s += s
print("ESCAPED")`},
		{name: "huge number", spec: brief, ends: timedOut, program: `print(len(str(7 ** (10 ** 9))))`},
		{name: "stdout flood", spec: brief, ends: []sandbox.Status{sandbox.OutputLimit}, program: `
while True: os.write(1, b"x" * 65536)`},
		{name: "stderr flood", spec: brief, ends: []sandbox.Status{sandbox.OutputLimit}, program: `
while True: os.write(2, b"x" * 65536)`},
		{name: "huge file", spec: small, ends: memory, program: `
f = open("/w/huge", "wb"); n = 0
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
try:
    while n < 256: n += 1; f.write(b"x" * (1 << 20)); f.flush()
    print("ESCAPED")
except OSError: pass`},
		{name: "sparse file", spec: small, program: `refused(os.truncate, "/w/main.py", 1 << 40)`},
		{name: "many files", only: sandbox.Container, spec: small, program: `
try:
    for n in range(100_000): open(f"/w/{n}", "w").close()
    print("ESCAPED")
except OSError: pass`},
		{name: "many descriptors", spec: small, program: `
try:
    kept = [os.dup(0) for _ in range(100_000)]
    print("ESCAPED")
except OSError: pass`},
		{name: "busy wait that ignores signals", ends: timedOut, spec: sandbox.Spec{CPU: time.Second, Wall: 6 * time.Second}, program: `
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: pass`},
		{name: "sleep", spec: brief, ends: timedOut, program: `time.sleep(60)`},
		{name: "stop", spec: brief, ends: timedOut, program: `os.kill(os.getpid(), signal.SIGSTOP)`},
		{name: "wait for nobody", spec: brief, ends: timedOut, program: `os.read(os.pipe()[0], 1)`},
		{name: "closed output", spec: brief, ends: timedOut, program: `
for fd in range(3): os.close(fd)
time.sleep(60)`},
		{name: "time of many processes", spec: brief, ends: timedOut, program: `
for _ in range(5): os.fork()
while True: pass`},
		{name: "deep recursion", spec: small, program: `
sys.setrecursionlimit(10 ** 9)
class A:
    def __repr__(self): return repr(self)
repr(A())`},
		{name: "crash", spec: small, ends: []sandbox.Status{sandbox.Signalled}, program: `ctypes.string_at(0)`},
		{name: "input never read", spec: sandbox.Spec{Stdin: make([]byte, 8<<20), CPU: time.Second, Wall: 5 * time.Second}, ends: []sandbox.Status{sandbox.Exited}, program: `print("done")`},
	}
}
