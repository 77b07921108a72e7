package trainerenv

// LockFile is the name of the locked requirements in Options.Source, of what trains.
const LockFile = "requirements.lock"

// Packages says what an environment holds: a lock in Options.Source, and what of it,
// and of the trainer, must be importable when it is there.
type Packages struct {
	Lock    string   // the file's name
	imports []string // packages
	modules []string // of the trainer; none: all
	// What an installation takes at its peak, with some room: the environment itself,
	// and the downloaded wheels until they are installed; as much as these again goes to
	// pip's cache. docs/setup.md says how it was measured.
	install, download uint64
}

// NeedBytes is the free space without which the first setup of an environment does
// not begin. With less than another download above it, pip's cache goes unused.
func (p Packages) NeedBytes() uint64 { return p.install + p.download }

// Training is what every kind of job runs with.
func Training() Packages {
	return Packages{
		Lock:    LockFile,
		imports: []string{"torch", "transformers"},
		install: 6_000 << 20, download: 3_200 << 20,
	}
}

// VLLM is what jobs that sample with vLLM run with. It wants other versions of what
// trains than Training has, so the two share no environment.
func VLLM() Packages {
	return Packages{
		Lock:    "requirements-vllm.lock",
		imports: []string{"torch", "transformers", "vllm"},
		modules: []string{"r1trainer.sample", "r1trainer.evaluate"},
		install: 8_400 << 20, download: 4_800 << 20,
	}
}
