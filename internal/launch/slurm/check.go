package slurm

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/r1ctl/r1ctl/internal/r1"
	"github.com/r1ctl/r1ctl/internal/suggest"
)

// Check asks the scheduler whether it would take an attempt that asks for so much, and
// submits nothing. It says what it found in a line.
func Check(ctx context.Context, cfg Config, want r1.Resources, walltime, notice time.Duration) (string, error) {
	a, err := ask(ctx, cfg.Exec, "sinfo", "--noheader", "--format=%P|%a|%T|%D|%c|%m|%G")
	if err != nil {
		return "", &r1.Error{Name: "slurm-unreachable", Detail: "Slurm gives no answer", Remedy: "see that sinfo works where r1ctl runs, or set ssh (a login node) or conf (a slurm.conf) of the site", Err: err}
	}
	nodes, err := parseNodes(a.Stdout)
	if err != nil {
		return "", err
	}
	partition, err := checkPartition(nodes, cfg.Queue.Partition)
	if err != nil {
		return "", err
	}
	kinds := kindsOf(nodes, partition)
	if err := checkNodes(kinds, partition, cfg.Queue, want); err != nil {
		return "", err
	}
	if err := checkScratch(cfg.Root); err != nil {
		return "", err
	}
	l := &Launcher{cfg: cfg}
	args := append(l.arguments(cfg.Root, r1.Launch{Key: r1.JobKey{Run: "check", Stage: "check", Job: "check"}.Attempt(1), Resources: want, Walltime: walltime, Notice: notice}), "--test-only")
	sctx, cancel := context.WithTimeout(ctx, commandWait)
	defer cancel()
	answer, err := cfg.Exec(sctx, "#!/bin/sh\n", append([]string{"sbatch"}, args...)...)
	service, all := count(kinds)
	would := "be taken"
	switch {
	case err != nil:
		return "", err
	case answer.Code != 0 && service < all && strings.Contains(answer.Stderr, "not available"):
		// Of a job that only nodes out of service could run, sbatch itself says nothing.
		would = "wait for a node to come back"
	case answer.Code != 0:
		_, err = submitted(answer)
		return "", err
	}
	return fmt.Sprintf("partition %s, %d of %d nodes in service; a job of %s would %s", partition, service, all, asked(want), would), nil
}

// kind is a line of sinfo: nodes of a partition that are alike.
type kind struct {
	isDefault, up bool
	state         string
	nodes         int
	cpus, memory  int // memory in MiB
	gres          string
}

func parseNodes(text string) (map[string][]kind, error) {
	out := map[string][]kind{}
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSpace(line), "|", 7)
		if len(f) != 7 {
			return nil, fmt.Errorf("sinfo: %q has %d fields, expected 7", strings.TrimSpace(line), len(f))
		}
		k := kind{isDefault: strings.HasSuffix(f[0], "*"), up: f[1] == "up", state: f[2], nodes: leading(f[3]), cpus: leading(f[4]), memory: leading(f[5]), gres: f[6]}
		name := strings.TrimSuffix(f[0], "*")
		out[name] = append(out[name], k)
	}
	return out, nil
}

// leading is the number that a text such as "96+" begins with.
func leading(text string) int {
	end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(text)
	}
	n, _ := strconv.Atoi(text[:end]) // "n/a" is 0
	return n
}

// checkPartition finds the partition, several of them, or the default one.
func checkPartition(nodes map[string][]kind, name string) (string, error) {
	names := slices.Sorted(maps.Keys(nodes))
	if name == "" {
		for _, n := range names {
			if nodes[n][0].isDefault {
				return n, nil
			}
		}
		return "", &r1.Error{Name: "slurm-partition", Detail: "the cluster has no default partition, and the site names none", Remedy: "set partition of the site to one of " + strings.Join(names, ", ")}
	}
	for _, n := range strings.Split(name, ",") {
		ks, ok := nodes[n]
		switch {
		case !ok:
			detail := fmt.Sprintf("there is no partition %q", n)
			if near := suggest.Nearest(n, names); near != "" {
				detail += fmt.Sprintf("; did you mean %q?", near)
			}
			return "", &r1.Error{Name: "slurm-partition", Detail: detail, Remedy: "set partition of the site to one of " + strings.Join(names, ", ")}
		case !ks[0].up:
			return "", &r1.Error{Name: "slurm-partition", Detail: fmt.Sprintf("partition %s is down", n), Remedy: "wait for it, or set another partition of the site: " + strings.Join(names, ", ")}
		}
	}
	return name, nil
}

// kindsOf are the nodes of partitions, named as sbatch takes them. One that is in several counts
// in each.
func kindsOf(nodes map[string][]kind, partitions string) []kind {
	var out []kind
	for _, name := range strings.Split(partitions, ",") {
		out = append(out, nodes[name]...)
	}
	return out
}

// checkNodes looks for one kind of node that has all a job asks for.
func checkNodes(kinds []kind, partition string, q Queue, want r1.Resources) error {
	gres := q.GRES
	if gres == "" {
		gres = "gpu"
	}
	var have []string
	for _, k := range kinds {
		if k.cpus >= want.CPUs && k.memory >= want.Memory && gresCount(k.gres, gres) >= want.GPUs {
			return nil
		}
		have = append(have, fmt.Sprintf("%d × %d CPUs, %d MiB, %s", k.nodes, k.cpus, k.memory, k.gres))
	}
	return &r1.Error{Name: "slurm-resources", Detail: fmt.Sprintf("no node of partition %s has %s; it has %s", partition, asked(want), strings.Join(have, "; ")),
		Remedy: "correct gpus, gres, cpus or memory of the site"}
}

// gresCount is how many of a resource, such as gpu or gpu:h100, a list such as
// gpu:h100:8(S:0-1),shard:16 has.
func gresCount(list, want string) int {
	sum := 0
	for _, item := range splitGRES(list) {
		plain, _, _ := strings.Cut(item, "(")
		i := strings.LastIndex(plain, ":")
		if i < 0 {
			continue
		}
		n, err := strconv.Atoi(plain[i+1:])
		if name := plain[:i]; err == nil && (name == want || strings.HasPrefix(name, want+":")) {
			sum += n
		}
	}
	return sum
}

// splitGRES splits at commas outside of brackets.
func splitGRES(list string) []string {
	depth := 0
	return strings.FieldsFunc(list, func(r rune) bool {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		}
		return r == ',' && depth == 0
	})
}

func checkScratch(root string) error {
	err := os.MkdirAll(root, 0o700)
	if err == nil {
		var f *os.File
		if f, err = os.CreateTemp(root, ".check-*"); err == nil {
			_ = f.Close()
			err = os.Remove(f.Name())
		}
	}
	if err != nil {
		return &r1.Error{Name: "slurm-scratch", Detail: "cannot write to the attempts' folder", Remedy: "set scratch of the site to a folder that this machine and the nodes share and you may write to", Err: err}
	}
	return nil
}

func asked(r r1.Resources) string {
	var parts []string
	for _, p := range []struct {
		n    int
		unit string
	}{{r.GPUs, "GPUs"}, {r.CPUs, "CPUs"}, {r.Memory, "MiB"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.unit))
		}
	}
	if len(parts) == 0 {
		return "what the cluster gives by default"
	}
	return strings.Join(parts, ", ")
}

// count says how many nodes are in service, and how many there are.
func count(kinds []kind) (service, all int) {
	away := 0
	for _, k := range kinds {
		all += k.nodes
		if strings.HasPrefix(k.state, "down") || strings.HasPrefix(k.state, "drain") || strings.HasSuffix(k.state, "*") {
			away += k.nodes
		}
	}
	return all - away, all
}
