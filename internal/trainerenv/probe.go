package trainerenv

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/r1ctl/r1ctl/internal/r1"
)

// probeScript imports the packages and the modules of the trainer that are used with
// them, all where none is named, which also compiles them for the first start, and
// prints what it found as one JSON line.
const probeScript = `import importlib, json, pkgutil, platform, sys
found = {"python": platform.python_version()}
packages, modules = sys.argv[1].split(), sys.argv[2].split()
for name in packages:
    found[name] = str(getattr(importlib.import_module(name), "__version__", "unknown"))
import r1trainer
for name in modules or [m.name for m in pkgutil.walk_packages(r1trainer.__path__, "r1trainer.") if not m.name.endswith("__main__")]:
    importlib.import_module(name)
torch = sys.modules.get("torch")
if torch is not None:
    gpu = torch.cuda.is_available()
    found["device"] = torch.cuda.get_device_name(0) if gpu else "cpu"
print(json.dumps(found))`

// probe tries the environment as a trainer will use it.
func (r *runner) probe(ctx context.Context, p Packages, environ []string) (map[string]string, error) {
	tail, err := r.run(ctx, r.python(), []string{"-c", probeScript, strings.Join(p.imports, " "), strings.Join(p.modules, " ")}, environ, nil)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	var found map[string]string
	if err == nil {
		err = json.Unmarshal([]byte(lastMatch(tail, notEmpty)), &found)
	}
	if err != nil {
		return nil, &r1.Error{Name: "trainer-broken",
			Detail: "the trainer's environment was installed but does not work: " + rootCause(tail),
			Remedy: fmt.Sprintf("see %s, then r1ctl setup", r.log), Err: err}
	}
	return found, nil
}

func summary(v map[string]string) string {
	var parts []string
	for _, k := range []string{"python", "torch", "transformers", "vllm", "device"} {
		if v[k] != "" {
			parts = append(parts, k+" "+v[k])
		}
	}
	return strings.Join(parts, ", ")
}
