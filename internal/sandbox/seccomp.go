package sandbox

import (
	"fmt"
	"runtime"
	"strings"
	"syscall"

	"github.com/criyle/go-sandbox/pkg/seccomp/libseccomp"
	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// What programs may ask of the kernel; all else is EPERM. The list has what
// CPython, the C library and gcc need. It leaves out, among others: sockets,
// new namespaces, mounts, ptrace and the memory of other processes, keys,
// io_uring, bpf, perf, userfaultfd, the clock, System V and POSIX queues and
// shared memory (they would outlive the run), memfd (memory that no limit
// counts), extended attributes, chroot, and limits or priorities of others.
const allowed = `
read write readv writev pread64 pwrite64 preadv pwritev preadv2 pwritev2 close close_range lseek
open openat openat2 creat stat fstat lstat newfstatat statx statfs fstatfs access faccessat faccessat2 readlink readlinkat
getdents getdents64 getcwd chdir fchdir mkdir mkdirat rmdir unlink unlinkat rename renameat renameat2
link linkat symlink symlinkat truncate ftruncate fallocate fsync fdatasync sync_file_range copy_file_range sendfile splice tee
chmod fchmod fchmodat fchmodat2 utime utimes utimensat futimesat umask flock fadvise64 readahead chown fchown lchown fchownat
dup dup2 dup3 fcntl ioctl pipe pipe2 poll ppoll select pselect6 eventfd eventfd2
epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2
timerfd_create timerfd_settime timerfd_gettime signalfd signalfd4 inotify_init1 inotify_add_watch inotify_rm_watch
mmap munmap mremap mprotect madvise mincore msync brk mlock munlock membarrier
rt_sigaction rt_sigprocmask rt_sigreturn rt_sigpending rt_sigtimedwait rt_sigsuspend sigaltstack pause alarm
kill tkill tgkill rt_sigqueueinfo rt_tgsigqueueinfo getitimer setitimer
timer_create timer_settime timer_gettime timer_delete timer_getoverrun
fork vfork execve execveat exit exit_group wait4 waitid pidfd_open pidfd_send_signal
getpid getppid gettid getpgid getpgrp setpgid getsid setsid
getuid geteuid getgid getegid getresuid getresgid getgroups capget
set_tid_address set_robust_list get_robust_list rseq futex futex_waitv futex_wait futex_wake arch_prctl
sched_yield sched_getaffinity sched_getparam sched_getscheduler sched_get_priority_max sched_get_priority_min getpriority
getrlimit setrlimit getrusage times sysinfo uname time gettimeofday clock_gettime clock_getres nanosleep clock_nanosleep
getcpu getrandom sendmsg recvmsg sendto recvfrom shutdown getsockopt getpeername getsockname`

// missing are calls that the C library tries first and has another way for.
const missing = "clone3 sched_setaffinity memfd_secret mseal map_shadow_stack cachestat landlock_create_ruleset"

// newNamespaces are the flags of clone that ask for one.
const newNamespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET |
	unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// filter is the seccomp program for this machine.
func filter() ([]syscall.SockFilter, error) {
	machine, err := arch.GetInfo("")
	if err != nil {
		return nil, fmt.Errorf("seccomp on %s: %w", runtime.GOARCH, err)
	}
	known := func(list string) (names []string) {
		for _, name := range strings.Fields(list) {
			if _, ok := machine.SyscallNames[name]; ok { // not every machine has every call
				names = append(names, name)
			}
		}
		return names
	}
	one := func(argument uint32, is seccomp.Operation, value uint64) seccomp.ArgumentConditions {
		return seccomp.ArgumentConditions{{Argument: argument, Operation: is, Value: value}}
	}
	policy := seccomp.Policy{
		DefaultAction: seccomp.ActionErrno, // EPERM
		Syscalls: []seccomp.SyscallGroup{
			{Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS), Names: known(missing)},
			{Action: seccomp.ActionAllow, Names: known(allowed), NamesWithCondtions: []seccomp.NameWithConditions{
				// A condition that fails leaves its argument where the later ones look for
				// the call's number: this order lets none be taken for another.
				{Name: "prctl", Conditions: one(0, seccomp.NotEqual, unix.PR_SET_MM)},
				{Name: "clone", Conditions: one(0, seccomp.BitsNotSet, newNamespaces)},
				{Name: "socketpair", Conditions: one(0, seccomp.Equal, unix.AF_UNIX)},
				// Only of oneself: in a container without an own user id the first
				// process would be in reach.
				{Name: "prlimit64", Conditions: one(0, seccomp.Equal, 0)},
			}},
		},
	}
	instructions, err := policy.Assemble()
	if err != nil {
		return nil, fmt.Errorf("assemble the seccomp filter: %w", err)
	}
	out, err := libseccomp.ExportBPF(instructions)
	if err != nil {
		return nil, fmt.Errorf("assemble the seccomp filter: %w", err)
	}
	return out, nil
}
