package trainerenv

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// Phase is what an installation is busy with.
type Phase string

// The phases, in their order; PhaseOutput is a line of pip nobody understood.
const (
	PhaseWait     Phase = "wait"
	PhaseVenv     Phase = "venv"
	PhaseDownload Phase = "download"
	PhaseInstall  Phase = "install"
	PhaseRetry    Phase = "retry"
	PhaseProbe    Phase = "probe"
	PhaseDone     Phase = "done"
	PhaseOutput   Phase = "output"
)

// Event is one thing that happened.
type Event struct {
	Phase   Phase
	Package string // the package at hand, if one is
	N, Of   int    // the how many-th package of how many
	Bytes   uint64 // downloaded so far
	Size    uint64 // of the download
	Cached  bool   // it was there already
	Text    string
}

// String is one line for a terminal or a log.
func (e Event) String() string {
	count := ""
	if e.Of > 0 {
		count = fmt.Sprintf("[%d/%d] ", e.N, e.Of)
	}
	switch e.Phase {
	case PhaseWait:
		return "waiting for another setup to finish"
	case PhaseVenv:
		return "making a virtual environment with " + e.Text
	case PhaseDownload:
		switch {
		case e.Cached:
			return count + e.Package + " (have it)"
		case e.Size == 0:
			return count + e.Package
		case e.Bytes == 0:
			return fmt.Sprintf("%sdownloading %s, %s", count, e.Package, Size(e.Size))
		}
		return fmt.Sprintf("%sdownloading %s, %s of %s", count, e.Package, Size(e.Bytes), Size(e.Size))
	case PhaseInstall:
		if e.Package == "" {
			return count + "unpacking"
		}
		return count + "unpacking " + e.Package
	case PhaseProbe:
		return "trying it: torch, transformers, the trainer"
	}
	return e.Text
}

// parser turns pip's lines into events. Pip's output is no interface: what is
// not recognised is passed on as it is, and nothing depends on it but what the
// user sees.
type parser struct {
	of      int // packages in the lock
	n       int // packages collected so far
	current Event
	file    string   // the wheel being downloaded
	install []string // what is being installed, in order
}

var (
	collecting  = regexp.MustCompile(`^Collecting ([A-Za-z0-9][A-Za-z0-9._-]*)`)
	downloading = regexp.MustCompile(`^\s+(Downloading|Using cached) (\S+\.whl)(?: \(([\d.]+) ([kMG]?)B\))?$`)
	processing  = regexp.MustCompile(`^(?:\s+)?Processing (\S+\.whl)`)
	ignoring    = regexp.MustCompile(`^Ignoring [^:]+: markers `)
	installing  = regexp.MustCompile(`^Installing collected packages: (.*)`)
	replacing   = regexp.MustCompile(`^\s+(?:Attempting uninstall|Found existing installation|Uninstalling|Successfully uninstalled)`)
	requirement = regexp.MustCompile(`(?m)^[A-Za-z0-9]`)
)

func newParser(lock []byte) *parser {
	return &parser{of: len(requirement.FindAll(lock, -1))}
}

// line returns the event a line stands for; ok is false when it says nothing.
func (p *parser) line(s string) (ev Event, ok bool) {
	p.file = ""
	if m := collecting.FindStringSubmatch(s); m != nil {
		return p.next(m[1]), true
	}
	if m := downloading.FindStringSubmatch(s); m != nil {
		p.current.Phase, p.current.Size = PhaseDownload, bytesOf(m[3], m[4])
		p.current.Cached = m[1] == "Using cached"
		if p.current.Package == "" {
			p.current.Package = wheelName(m[2])
		}
		if !p.current.Cached {
			p.file = m[2]
		}
		return p.current, true
	}
	if m := processing.FindStringSubmatch(s); m != nil {
		name := wheelName(m[1])
		if !sameName(name, p.current.Package) {
			p.next(name)
		}
		p.current.Cached = true
		return p.current, true
	}
	if ignoring.MatchString(s) {
		p.of--
		return Event{}, false
	}
	if m := installing.FindStringSubmatch(s); m != nil {
		p.install = strings.Split(m[1], ", ")
		return p.installed(0), true
	}
	text := strings.TrimSpace(s)
	switch {
	case text == "", replacing.MatchString(s), strings.HasPrefix(text, "Looking in "), strings.Contains(text, ".whl.metadata"), strings.HasPrefix(text, "Successfully installed "):
		return Event{}, false
	}
	return Event{Phase: PhaseOutput, Text: text}, true
}

func (p *parser) next(name string) Event {
	p.n++
	p.of = max(p.of, p.n)
	p.current = Event{Phase: PhaseDownload, Package: name, N: p.n, Of: p.of}
	return p.current
}

// installed is the event for n packages unpacked.
func (p *parser) installed(n int) Event {
	ev := Event{Phase: PhaseInstall, N: min(n+1, len(p.install)), Of: len(p.install)}
	if n < len(p.install) {
		ev.Package = p.install[n]
	}
	return ev
}

func bytesOf(number, unit string) uint64 {
	f, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0
	}
	return uint64(f * map[string]float64{"": 1, "k": 1e3, "M": 1e6, "G": 1e9}[unit])
}

// wheelName is the distribution's name in a wheel's path.
func wheelName(path string) string {
	name := path[strings.LastIndexByte(path, '/')+1:]
	name, _, _ = strings.Cut(name, "-")
	return name
}

func sameName(a, b string) bool {
	fold := strings.NewReplacer("_", "-", ".", "-")
	return strings.EqualFold(fold.Replace(a), fold.Replace(b))
}
