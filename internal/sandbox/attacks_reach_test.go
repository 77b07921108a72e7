package sandbox_test

import "github.com/r1ctl/r1ctl/internal/sandbox"

// attacks are all of them. DIR, TCP, UDP, SECRET and PARENT stand for what is on the host.
func attacks(h *target) []attack {
	exited := []sandbox.Status{sandbox.Exited}
	list := []attack{
		{name: "tcp", ends: exited, program: `refused(socket.create_connection, ("127.0.0.1", TCP), 1)`},
		{name: "udp", ends: exited, program: `
def send(): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", UDP))
refused(send)`},
		{name: "unix socket", ends: exited, program: `
def connect(path): socket.socket(socket.AF_UNIX).connect(path)
refused(connect, "DIR/socket"); refused(connect, "\0abstract")`},
		{name: "names", ends: exited, program: `
refused(socket.getaddrinfo, "example.com", 80); refused(socket.gethostbyname, "example.com")`},
		{name: "other sockets", ends: exited, program: `
for family in (socket.AF_NETLINK, socket.AF_PACKET, 40, 38, 30):
    for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM, socket.SOCK_STREAM): refused(socket.socket, family, kind)
for family in range(46):
    for kind in (1, 2, 3, 5): denied("socket", 41, family, kind, 0)
for number in (302, 56, 157): denied("socketpair", 53, number, 1, 0, 0)`},
		{name: "proc of others", ends: exited, program: `
for pid in ("1", "PARENT", "self", str(os.getppid())):
    for file in ("environ", "mem", "maps", "root", "fd", "cwd", "cmdline"): refused(os.stat, f"/proc/{pid}/{file}")`},
		{name: "symlink out", ends: exited, program: `
for i, path in enumerate(("DIR/secret", os.path.join("/proc/1", "root", "etc/passwd"), "../../../../DIR/secret", "/etc/passwd")):
    os.symlink(path, f"/w/link{i}"); refused(open, f"/w/link{i}"); refused(open, f"/w/link{i}", "w")`},
		{name: "hard link", ends: exited, program: `
refused(os.link, os.path.realpath(sys.executable), "/w/python"); refused(os.link, "DIR/secret", "/w/secret")`},
		{name: "write to the interpreter", ends: exited, program: `
for path in (os.__file__, sys.executable, "/usr/lib/x", "/etc/ld.so.preload", "/etc/ld.so.cache"):
    refused(open, path, "r+"); refused(open, path, "a"); refused(os.chmod, path, 0o777); refused(os.unlink, path)
refused(os.rename, "/usr", "/w/usr"); refused(os.mkdir, "/new"); refused(os.utime, os.__file__)`},
		{name: "inherited descriptors", ends: exited, program: `
for fd in [*range(3, 1024)]:
    try: os.fstat(fd)
    except OSError: continue
    print("ESCAPED", fd)`},
		{name: "environment", ends: exited, program: `
env = libc.getenv
if any("SECRET" in v or "R1CTL" in k for k, v in os.environ.items()): print("ESCAPED", os.environ)`},
		{name: "signal to the parent", program: `
for pid in (os.getppid(), 1, PARENT, 2):
    for number in range(1, 65):
        if pid == os.getpid(): continue
        try: os.kill(pid, number)
        except OSError: pass
time.sleep(0.1)`},
		{name: "kill all", program: `
for number in (signal.SIGSTOP, signal.SIGKILL, signal.SIGTERM): os.kill(-1, number)`},
		{name: "kill the group", program: `os.killpg(0, signal.SIGKILL)`},
		{name: "ptrace", ends: exited, program: `
for pid in (1, os.getppid(), PARENT):
    denied("attach", 101, 16, pid, 0, 0); denied("seize", 101, 0x4206, pid, 0, 0)
    buffer = ctypes.create_string_buffer(8)
    vector = (ctypes.c_uint64 * 2)(ctypes.addressof(buffer), 8)
    denied("readv", 310, pid, vector, 1, vector, 1, 0); denied("writev", 311, pid, vector, 1, vector, 1, 0)
denied("traceme", 101, 0, 0, 0, 0); denied("kcmp", 312, 1, os.getpid(), 0, 0, 0)`},
		{name: "namespaces", ends: exited, program: `
for flag in (0x10000000, 0x00020000, 0x20000000, 0x40000000, 0x08000000, 0x04000000, 0x02000000, 0x80):
    denied("unshare", 272, flag); denied("setns", 308, 0, flag)
    if flag != 0x80: denied("clone", 56, flag | 17, 0, 0, 0, 0)
args = (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17)
denied("clone3", 435, args, 88)`},
		{name: "mounts", ends: exited, program: `
denied("mount", 165, b"none", b"/w", b"tmpfs", 0, 0); denied("bind", 165, b"/", b"/w", b"", 4096, 0)
denied("remount", 165, b"none", b"/", b"", 4096 | 32, 0); denied("umount", 166, b"/w", 2); denied("pivot_root", 155, b"/w", b"/w")
denied("open_tree", 428, -100, b"/", 1); denied("fsopen", 430, b"tmpfs", 0); denied("move_mount", 429, -100, b"/w", -100, b"/", 0)
denied("mount_setattr", 442, -100, b"/", 0, 0, 0)`},
		{name: "other users", ends: exited, program: `
refused(os.setgroups, []); denied("setuid", 105, 0); denied("setgid", 106, 0); denied("setresuid", 117, 0, 0, 0); denied("setfsuid", 122, 0)
denied("capset", 126, 0, 0)`},
		{name: "no capability", ends: exited, program: `
header = (ctypes.c_uint32 * 2)(0x20080522, 0); data = (ctypes.c_uint32 * 6)()
libc.syscall(125, header, data)
if any(data): print("ESCAPED", list(data))
if libc.prctl(39, 0, 0, 0, 0) != 1: print("ESCAPED no_new_privs")
denied("dumpable of others", 157, 35, 1, 0, 0, 0)`},
		{name: "chroot", ends: exited, program: `
os.mkdir("/w/jail"); refused(os.chroot, "/w/jail"); os.chdir("/w")
for _ in range(64): os.chdir("..")
if not set(os.listdir(".")) <= {"w", "tmp", "usr", "lib", "lib64", "lib32", "etc", "dev", "bin"}: print("ESCAPED", os.listdir("."))`},
		{name: "devices", ends: exited, program: `
for name in ("mem", "kmem", "port", "kmsg", "tty", "vda", "sda", "fuse", "kvm", "net/tun", "ptmx", "shm", "nvidia0", "nvidiactl"):
    refused(open, "/dev/" + name, "rb")
for mode in (0o020666, 0o060666): refused(os.mknod, "/w/dev", mode, os.makedev(1, 1))`},
		{name: "sysrq and reboot", ends: exited, program: `
refused(open, "/proc/sysrq-trigger", "w"); denied("reboot", 169, 0xfee1dead, 672274793, 0x1234567, 0)
refused(open, "/proc/sys/kernel/core_pattern", "w"); refused(open, "/sys/power/state", "w"); denied("kexec", 246, 0, 0, 0, 0)
denied("module", 175, 0, 0, 0); denied("finit", 313, 0, 0, 0); denied("syslog", 103, 3, 0, 0); denied("swapon", 167, b"/w/x", 0)`},
		{name: "keys", ends: exited, program: `
denied("add_key", 248, b"user", b"x", b"x", 1, -3); denied("keyctl", 250, 0, -3, 0); denied("request_key", 249, b"user", b"x", 0, 0)`},
		{name: "io_uring", ends: exited, program: `
denied("setup", 425, 8, ctypes.create_string_buffer(120)); denied("enter", 426, 0, 0, 0, 0, 0, 0); denied("register", 427, 0, 0, 0, 0)`},
		{name: "bpf and others", ends: exited, program: `
denied("bpf", 321, 0, ctypes.create_string_buffer(128), 128); denied("perf", 298, ctypes.create_string_buffer(128), 0, -1, -1, 0)
denied("userfaultfd", 323, 0); denied("fanotify", 300, 0, 0); denied("open_by_handle", 304, 0, 0, 0); denied("name_to_handle", 303, -100, b"/", 0, 0, 0)
denied("lookup_dcookie", 212, 0, 0, 0); denied("quotactl", 179, 0, 0, 0, 0); denied("acct", 163, b"/w/x"); denied("iopl", 172, 3)
denied("modify_ldt", 154, 0, 0, 0); denied("pidfd_getfd", 438, 0, 0, 0); denied("process_madvise", 440, 0, 0, 0, 0, 0)`},
		{name: "x32 calls", ends: exited, program: `
for nr in (41, 101, 165, 272, 250): denied("x32", 0x40000000 | nr, 1, 1, 0, 0, 0)`},
		{name: "clock and names", ends: exited, program: `
when = (ctypes.c_int64 * 2)(1, 0)
denied("clock_settime", 227, 0, when); denied("settimeofday", 164, when, 0); denied("adjtimex", 159, 0); denied("clock_adjtime", 305, 0, 0)
denied("sethostname", 170, b"x", 1); denied("setdomainname", 171, b"x", 1); refused(socket.sethostname, "x")`},
		{name: "limits and priority of others", ends: exited, program: `
limit = (ctypes.c_uint64 * 2)(0, 0)
for pid in (1, os.getppid(), PARENT, 157, 56, 53): denied("prlimit", 302, pid, 7, limit, 0)
for pid in (0, 1): denied("setpriority", 141, 0, pid, 19); denied("sched", 144, pid, 3, limit); denied("affinity", 203, pid, 8, limit)
refused(resource.setrlimit, resource.RLIMIT_AS, (1 << 40, 1 << 40)); refused(resource.setrlimit, resource.RLIMIT_NPROC, (10000, 10000))
refused(open, "/proc/1/oom_score_adj", "w")`},
		{name: "what outlives a run", ends: exited, program: `
denied("shmget", 29, 0, 4096, 0o1666); denied("msgget", 68, 0, 0o1666); denied("semget", 64, 0, 1, 0o1666); denied("mq_open", 240, b"x", 0o102, 0o666, 0)
denied("setxattr", 188, b"/w", b"user.x", b"x", 1, 0); refused(open, "/dev/shm/x", "w")`},
		{name: "close the work folder", program: `os.chmod("/w", 0); os.chdir("/")`},
		{name: "files left for the next", program: `
open("/w/json.py", "w").write("raise SystemExit(1)"); os.mkdir("/w/sub"); open("/w/sub/x", "w"); os.chmod("/w/sub", 0)`},
		{name: "folders in folders", program: `
for _ in range(3000):
    try: os.mkdir("d"); os.chdir("d")
    except OSError: break`},
		{name: "daemon left behind", program: `
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for fd in range(3): os.close(fd)
        signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)
    os._exit(0)`},
		{name: "daemon that holds the output", program: `
if os.fork() == 0: time.sleep(60)`},
	}
	list = append(list, greedy()...)
	for i := range list {
		list[i].program = h.expand(list[i].program)
	}
	return list
}
